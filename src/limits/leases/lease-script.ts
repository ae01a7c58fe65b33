import { createHash } from 'node:crypto';

/**
 * The shared half of a leased token bucket, as one Lua script over one key. A bucket is told by its debt as in `bucket.ts`.
 * A lease takes tokens out of the bucket and lets one instance spend them by itself; the script keeps three promises:
 *
 * 1. Debt never falls below the tokens that may still sit in wallets; where these are more than a lowered burst, nothing
 *    refills. A bucket that refilled beside full wallets would admit its burst once more for each wallet.
 * 2. Tokens are outstanding for an epoch of `leaseEpochUs`, not for a holder: `a` were leased in this epoch, `b` in the one
 *    before, and those of epoch `e` are void at `(e + 2) * leaseEpochUs`. State is constant in size, and a crashed
 *    instance needs no funeral.
 * 3. What an instance reports lowers `a` and `b` only by tokens that it has already spent or given up. `age` says how long
 *    ago the last of them was spent: the bucket refills from then on, as if the report had come at once.
 *
 * A state that is not the one which the caller saw last (`born` differs: it was lost and begun anew; or the caller says that
 * its connection broke, so that a lagging copy may have taken over) is repaired from what the caller knows: debt is at
 * least what it saw, less what leaked since, and its unspent tokens count as outstanding again.
 *
 * The figures of the highest version hold for all callers, until nobody has named that version for a minute: a rollout that
 * was taken back would otherwise rule every key that is never idle.
 *
 * Stored: `debt:atUs:a:b:born:version:leak:units:burst:unheardUs`, written with %.0f because Lua's own form of a large number loses
 * its last digits. It expires no earlier than its debt is paid and its leases are void; a missing state is a full bucket.
 */
const body = `
local epochUs = 1000000
local forgetVersionUs = 60000000
local args = {}
for i = 1, #ARGV do args[i] = tonumber(ARGV[i]) end
local leak, units, burst, version, need, ask, want, share, spare, write = unpack(args, 1, 10)
local epoch1, used1, back1, epoch2, used2, back2, age, owe, held = unpack(args, 11, 19)
local seenBorn, seenDebt, seenAt, seenUnits, suspect = unpack(args, 20, 24)

local function convert(debt, from, to)
  if from == to then return debt end
  local tokens = math.floor(debt / from)
  local rest = debt - tokens * from
  debt = tokens * to
  if rest > 0 then debt = debt + math.floor(rest * to / from) + 1 end
  return debt
end

local serverNow = now
local unheard = 0
local debt, at, a, b, born = 0, now, 0, 0, math.floor(now / 1000) % 1000000000 + 1
local state = {}
for part in string.gmatch(redis.call('GET', KEYS[1]) or '', '%d+') do state[#state + 1] = tonumber(part) end
if #state >= 9 then
  debt, at, a, b, born = unpack(state, 1, 5)
  local v, l, u, c = unpack(state, 6, 9)
  unheard = (state[10] or 0) + math.max(0, now - at)
  if version == v then unheard = 0 end
  if version > v or unheard > forgetVersionUs then
    unheard = 0
    debt = convert(debt, u, units)
    if burst < c and debt > burst * units then debt = burst * units end
  else
    version, leak, units, burst = v, l, u, c
  end
end
if now < at then now = at end

local function leased()
  return math.min(a + b, burst) * units
end
local function leakUntil(to)
  debt = math.max(debt - leak * (to - at), leased())
  at = to
end
local function advance(to)
  local epoch, last = math.floor(at / epochUs), math.floor(to / epochUs)
  local turns = 0
  while epoch < last and turns < 2 do
    epoch = epoch + 1
    leakUntil(epoch * epochUs)
    a, b = 0, a
    turns = turns + 1
  end
  leakUntil(to)
end
local function settle(epoch, tokens)
  local current = math.floor(at / epochUs)
  local settled = 0
  if epoch == current then
    settled = math.min(tokens, a)
    a = a - settled
  elseif epoch == current - 1 then
    settled = math.min(tokens, b)
    b = b - settled
  end
  return settled
end

local lost = seenBorn > 0 and (suspect == 1 or seenBorn ~= born)
if lost then
  advance(now)
  seenDebt = convert(seenDebt, seenUnits, units)
  if now > seenAt then seenDebt = seenDebt - leak * (now - seenAt) end
  debt = math.max(debt, seenDebt)
  a = a + held
else
  advance(math.max(at, now - age))
  settle(epoch1, used1)
  settle(epoch2, used2)
  advance(now)
  debt = debt - settle(epoch1, back1) * units
  debt = debt - settle(epoch2, back2) * units
end
debt = math.min(math.max(debt + owe * units, leased()), 9007199254740991)

local free = burst * units - debt
local room = math.floor(free / units) - spare
local granted, retry = 0, 0
if need > 0 then
  if room >= need then
    granted = math.min(want, math.max(need, math.min(ask, room), math.floor(room / share)))
    debt = debt + granted * units
    a = a + granted
  else
    retry = math.ceil(((need + spare) * units - free) / leak)
  end
end
if write == 1 then
  local ttl = math.ceil((at - serverNow) / 1000) + math.ceil(debt / leak / 1000) + 2 * epochUs / 1000 + 1000
  local form = '%.0f:%.0f:%.0f:%.0f:%.0f:%.0f:%.0f:%.0f:%.0f:%.0f'
  local value = string.format(form, debt, at, a, b, born, version, leak, units, burst, unheard)
  redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', ttl))
end
local epoch = math.floor(at / epochUs)
local life = (epoch + 2) * epochUs - at
return { granted, epoch, life, retry, debt, at, born, a + b, lost and 1 or 0, leak, units, burst }
`;

/** Length of an epoch. The same for all instances of all versions: a state tells its epochs by their number. */
export const leaseEpochUs = 1_000_000;

/** Lua that sets `now` to the server's own time in microseconds: the one clock that all instances share. */
const serverTime = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

export interface LeaseScript {
  readonly text: string;
  readonly sha1: string;
}

/** The script with its source of time; only tests give another one. */
export function renderLeaseScript(timeSource = serverTime): LeaseScript {
  const text = `${timeSource}${body}`;
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
