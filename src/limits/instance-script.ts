import { createHash } from 'node:crypto';
import { forgetAfterMs } from './instance-count.ts';
import type { LeaseScript } from './leases/lease-script.ts';

/** The board of all instances that share a store; its hash tag keeps it in one slot of a Cluster. */
export const instancesKey = 'bh:{g:@instances}';

/**
 * Notes that an instance lives (or leaves), by the server's clock, forgets those that were silent for long, and counts the
 * rest, and those of them whose id stands before this one. Stored as text, `id=ms` each: a sorted set would do, and would want five more rights of an ACL user.
 */
const text = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local board = {}
local before = 0
if ARGV[2] == '1' then board[1] = string.format('%s=%.0f', ARGV[1], now) end
for id, heard in string.gmatch(redis.call('GET', KEYS[1]) or '', '([^= ]+)=(%d+)') do
  if id ~= ARGV[1] and tonumber(heard) > now - ${forgetAfterMs} then
    board[#board + 1] = id .. '=' .. heard
    if id < ARGV[1] then before = before + 1 end
  end
end
redis.call('SET', KEYS[1], table.concat(board, ' '), 'PX', ${forgetAfterMs})
return { #board, before }`;

export const instanceScript: LeaseScript = { text, sha1: createHash('sha1').update(text).digest('hex') };
