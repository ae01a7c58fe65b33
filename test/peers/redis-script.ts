import { createHash } from 'node:crypto';
import type { RateLimit } from '../../src/limits/compile.ts';
import type { RedisScript } from '../../src/limits/redis-connection.ts';
import type { Charge } from '../../src/limits/store.ts';

/**
 * The take and peek of `src/limits/store.ts` as one Lua script: Redis runs it alone, so that the charges of a request are decided
 * and spent in one step, by one clock. It is the arithmetic of `src/limits/bucket.ts` line by line; the tests run equal operations
 * against both. The script answers with each debt before spending, from which `outcomeOf` tells the rest.
 *
 * A budget is one string `debt:atUs:unitsPerToken`, written with %.0f because Lua's own form of a large number loses its
 * last digits. It expires no earlier than its debt is gone, and a missing budget is a full one, so expiry changes nothing.
 */
const body = `
local spend = ARGV[1] == '1'
local stored = redis.call('MGET', unpack(KEYS))
local debts, times, room, admitted = {}, {}, {}, true
for i = 1, #KEYS do
  local a = i * 5 - 3
  local units, leak, capacity, cost = tonumber(ARGV[a]), tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  local debt, at = 0, now
  if stored[i] then
    local d, t, u = string.match(stored[i], '^(%d+):(%d+):(%d+)$')
    if d then
      debt, at, u = tonumber(d), tonumber(t), tonumber(u)
      if u ~= units then
        local tokens = math.floor(debt / u)
        local rest = debt - tokens * u
        debt = tokens * units
        if rest > 0 then debt = debt + math.floor(rest * units / u) + 1 end
      end
      if debt > capacity then debt = capacity end
      if now > at then
        local leaked = leak * (now - at)
        if leaked >= debt then debt = 0 else debt = debt - leaked end
        at = now
      end
    end
  end
  debts[i], times[i], room[i] = debt, at, debt + cost <= capacity
  if not room[i] and ARGV[a + 4] == '0' then admitted = false end
end
if spend and admitted then
  for i = 1, #KEYS do
    local a = i * 5 - 3
    local leak, cost = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 3])
    if room[i] and cost > 0 then
      local debt = debts[i] + cost
      local value = string.format('%.0f:%.0f:%s', debt, times[i], ARGV[a])
      local goneMs = math.ceil((times[i] - now + math.ceil(debt / leak)) / 1000) + 1000
      redis.call('SET', KEYS[i], value, 'PX', string.format('%.0f', goneMs))
    end
  end
end
return debts
`;

/** Lua that sets `now` to the server's own time in microseconds: the one clock that all instances share. */
const serverTime = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

/** The script with its source of time; only tests give another one. */
export function renderRedisScript(timeSource = serverTime): RedisScript {
  const text = `${timeSource}${body}`;
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/** Number of keys, keys and arguments, in the order that EVAL and EVALSHA take them. */
export function renderScriptArguments(
  charges: readonly Charge<RateLimit>[],
  spend: boolean,
): (string | number)[] {
  const args: (string | number)[] = [charges.length];
  // The braces keep the budgets of one caller in one Cluster slot. The limit id has no colon, so that the last colon
  // splits every key in one way, whatever stands in the caller's name.
  for (const { limit, key } of charges) args.push(`bh:{${limit.key}:${key}}:${limit.id}`);
  args.push(spend ? 1 : 0);
  for (const { limit, cost } of charges) {
    const { unitsPerToken, leakPerUs, capacity } = limit.bucket;
    args.push(unitsPerToken, leakPerUs, capacity, cost * unitsPerToken, limit.shadow ? 1 : 0);
  }
  return args;
}
