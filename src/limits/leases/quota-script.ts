import { createHash } from 'node:crypto';
import type { LeaseScript } from './lease-script.ts';

/**
 * The shared half of a calendar quota, as one Lua script over one key. It counts for one window what was given out (`g`) and
 * what came back (`r`), both of which only grow, so `g - r` never exceeds the quota, and what an instance last saw tells whether
 * the count was lost since. Which window it is, the caller says, who knows calendars; whether it is that one now, the server's
 * clock says. Tokens of a grant end with their window.
 *
 * The quota of the highest version holds for all, until nobody has named that version for a minute.
 *
 * Stored: `start:g:r:born:version:quota:heard`, for a day longer than the window lasts. A missing state is an untouched quota.
 */
const body = `
local forgetVersionMs = 60000
local args = {}
for i = 1, #ARGV do args[i] = tonumber(ARGV[i]) end
local start, ends, quota, version, need, ask, want, share, write, life = unpack(args, 1, 10)
local back, backIn, owe, seenIn, seenG, seenR, seenBorn = unpack(args, 11, 17)

local w, g, r, born = nil, 0, 0, 0
local state = {}
for part in string.gmatch(redis.call('GET', KEYS[1]) or '', '%d+') do state[#state + 1] = tonumber(part) end
if #state >= 6 then w, g, r, born = unpack(state, 1, 4) end

-- A clock that went back does not end a window that has begun.
if now >= ends or (now < start and w ~= start) or (w and start < w) then
  return { 1, now, 0, 0, g, r, born, quota, w or 0 }
end
if w ~= start then w, g, r, born = start, 0, 0, math.floor(now) % 1000000000 + 1 end
local heard = now
if #state >= 6 and state[5] > version and now - (state[7] or now) <= forgetVersionMs then
  version, quota, heard = state[5], state[6], state[7] or now
end

if seenIn == w and (seenBorn ~= born or g < seenG) then
  local used = math.max(g - r, seenG - seenR)
  g = math.max(g, seenG)
  r = g - used
end
if backIn == w then r = math.min(g, r + back) end
if owe >= 0 then g = g + owe else r = math.min(g, r - owe) end

local granted = 0
local room = quota - (g - r)
if need > 0 and room >= need then
  granted = math.min(want, math.max(need, math.min(ask, room), math.floor(room / share)))
  g = g + granted
end
if write == 1 then
  local value = string.format('%.0f:%.0f:%.0f:%.0f:%.0f:%.0f:%.0f', w, g, r, born, version, quota, heard)
  redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', ends - now + 86400000))
end
return { 0, now, granted, math.min(life, ends - now), g, r, born, quota, w }
`;

/** Lua that sets `now` to the server's own time in milliseconds. */
export const serverTimeMs = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** The script with its source of time; only tests give another one. */
export function renderQuotaScript(timeSource = serverTimeMs): LeaseScript {
  const text = `${timeSource}${body}`;
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
