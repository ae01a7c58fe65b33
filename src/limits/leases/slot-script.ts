import { createHash } from 'node:crypto';
import type { LeaseScript } from './lease-script.ts';
import { serverTimeMs } from './quota-script.ts';

/**
 * The shared half of an in-flight limit, as one Lua script over one hash: a field for each instance that holds slots, as
 * `slots:expires:sequence`, and the field `@` with the newest `version:capacity:heard`, which nobody has to obey any more when it was
 * not named for a minute. An instance always says how many slots it
 * keeps, never by how many they changed, so a lost answer is set right by the next call. What it holds it must say again before
 * `ttl` has passed; the slots of one that crashed are free then. The newest call of an instance counts, in whatever order
 * they arrive.
 */
const body = `
local holder = ARGV[1]
local args = {}
for i = 2, #ARGV do args[i] = tonumber(ARGV[i]) end
local forgetVersionMs, tellVersionMs = 60000, 10000
local sequence, keep, need, ask, want, share, capacity, version, ttl, write = unpack(args, 2, 11)

local fields = redis.call('HGETALL', KEYS[1])
local others, known, late, lasts = 0, false, false, 0
for i = 1, #fields, 2 do
  local field = fields[i]
  local first, second, third = string.match(fields[i + 1], '(%d+):(%d+):?(%d*)')
  first, second = tonumber(first), tonumber(second)
  if field == '@' then
    local unheard = now - (tonumber(third) or now)
    known = first == version and second == capacity and unheard < tellVersionMs
    if first > version and unheard <= forgetVersionMs then known, version, capacity = true, first, second end
  elseif field == holder then
    late = tonumber(third) >= sequence
  elseif second <= now then
    if write == 1 then redis.call('HDEL', KEYS[1], field) end
  else
    -- Of a clock that went back.
    if second > now + ttl then
      second = now + ttl
      if write == 1 then redis.call('HSET', KEYS[1], field, string.format('%.0f:%.0f:%s', first, second, third)) end
    end
    others = others + first
    lasts = math.max(lasts, second)
  end
end

local granted = 0
local room = capacity - others - keep
if need > 0 and room >= need and not late then
  granted = math.min(want, math.max(need, math.min(ask, room), math.floor(room / share)))
end
if write == 1 and not late then
  local kept = keep + granted
  -- A call that is still on its way must find its successor here, so a holder of nothing stays for a while, too.
  redis.call('HSET', KEYS[1], holder, string.format('%.0f:%.0f:%.0f', kept, now + ttl, sequence))
  if not known then redis.call('HSET', KEYS[1], '@', string.format('%.0f:%.0f:%.0f', version, capacity, now)) end
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(lasts - now, ttl) + 1000))
end
return { granted, others, capacity }
`;

/** The script with its source of time; only tests give another one. */
export function renderSlotScript(timeSource = serverTimeMs): LeaseScript {
  const text = `${timeSource}${body}`;
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
