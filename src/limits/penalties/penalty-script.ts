import { createHash } from 'node:crypto';
import type { PenaltyAction, PenaltyRule } from './penalty.ts';
import type { RedisScript } from '../redis-connection.ts';

/**
 * `applyPenalty` as a Lua script, so that every instance counts on one record and by one clock. A record is one string
 * `failures:sinceMs:lastMs:untilMs`, and expires when time has made it the same as none.
 */
const body = `
local action = ARGV[1]
local free, window, first, longest, forget =
  tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local failures, since, last, untl = 0, now, now, 0
local stored = redis.call('GET', KEYS[1])
if stored then
  local n, s, l, u = string.match(stored, '^(%d+):(%d+):(%d+):(%d+)$')
  if n then
    n, s, l, u = tonumber(n), tonumber(s), tonumber(l), tonumber(u)
    if now - l < forget and (n > free or now - s < window) then failures, since, last, untl = n, s, l, u end
  end
end
local held = math.max(0, untl - now)
if action == 'fail' or (action == 'try' and held == 0) then
  failures = failures + 1
  last = math.max(last, now)
  if failures > free then
    untl = math.max(untl, now + math.min(longest, first * 2 ^ math.min(failures - free - 1, 40)))
  end
elseif action == 'forgive' and failures > 0 then
  failures = failures - 1
  if failures <= free then untl = 0 end
  if failures <= free and now - since >= window then failures = 0 end
elseif action == 'clear' then
  failures, untl = 0, 0
end
if failures == 0 then
  untl = 0
  if stored then redis.call('DEL', KEYS[1]) end
elseif action ~= 'look' then
  local gone = last + forget
  if failures <= free then gone = math.min(gone, since + window) end
  local value = string.format('%.0f:%.0f:%.0f:%.0f', failures, since, last, untl)
  redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', math.max(1, gone - now)))
end
local passed = 0
if held == 0 then passed = 1 end
return { passed, failures, math.max(0, untl - now) }
`;

/** Lua that sets `now` to the server's own time in whole milliseconds. */
const serverTime = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** The script with its source of time; only tests give another one. */
export function renderPenaltyScript(timeSource = serverTime): RedisScript {
  const text = `${timeSource}${body}`;
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/** Number of keys, key and arguments, in the order that EVAL and EVALSHA take them. */
export function renderPenaltyArguments(
  action: PenaltyAction,
  key: string,
  rule: PenaltyRule,
): (string | number)[] {
  return [
    1,
    `bh:{penalty:${key}}`,
    action,
    rule.free,
    rule.windowMs,
    rule.firstMs,
    rule.longestMs,
    rule.forgetMs,
  ];
}
