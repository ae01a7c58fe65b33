import type { ConfigPath, Issue } from '../core/issue.ts';
import type { LimitOptions } from './options.ts';

const kinds = ['rate', 'quota', 'inFlight'] as const;

/** Which keys of a limit do not go together. */
export function checkLimit(entry: LimitOptions, path: ConfigPath): Issue[] {
  const issues: Issue[] = [];
  const written = kinds.filter((kind) => entry[kind] !== undefined);
  if (written.length === 0) {
    issues.push({
      path,
      what: `Limit "${entry.name}" has none of rate, quota and inFlight.`,
      consequence: 'It would be unknown how much it lets pass.',
      fix: 'Write one of rate: 50/s, quota: 200000/day and inFlight: 8.',
    });
    return issues;
  }
  const [kind = 'rate', other] = written;
  if (other !== undefined) {
    issues.push({
      path: [...path, other],
      what: `Limit "${entry.name}" has both ${kind} and ${other}.`,
      consequence: 'It would be unknown which of them counts.',
      fix: 'Make two limits of it, each with a name of its own; a request has to pass both.',
    });
    return issues;
  }
  for (const key of ['burst', 'timezone', 'anchorDay'] as const) {
    const home = key === 'burst' ? 'rate' : 'quota';
    if (entry[key] === undefined || home === kind) continue;
    issues.push({
      path: [...path, key],
      what: `Limit "${entry.name}" has ${key}, which belongs to a ${home}, and its kind is ${kind}.`,
      consequence: 'It would have no effect.',
      fix: `Remove ${key}.`,
    });
  }
  issues.push(...checkAnchorDay(entry, path), ...checkSlotCost(entry, path));
  return issues;
}

function checkAnchorDay({ quota, anchorDay }: LimitOptions, path: ConfigPath): Issue[] {
  if (quota === undefined || anchorDay === undefined || quota.unit === anchorDay.unit) return [];
  const fix = {
    day: 'Remove anchorDay, or write the quota per week or month.',
    week: 'Write a weekday such as monday.',
    month: 'Write a day of the month from 1 to 31.',
  } as const;
  return [
    {
      path: [...path, 'anchorDay'],
      what: `"${anchorDay.text}" is no day on which a quota per ${quota.unit} could begin.`,
      consequence: 'It would be unknown when the budget begins anew.',
      fix: fix[quota.unit],
    },
  ];
}

/** A slot is taken and given back whole. */
function checkSlotCost({ name, inFlight, cost }: LimitOptions, path: ConfigPath): Issue[] {
  if (inFlight === undefined) return [];
  const issues: Issue[] = [];
  for (const key of ['perRequestBytes', 'perResponseBytes', 'perSecond'] as const) {
    if (cost[key] === undefined) continue;
    issues.push({
      path: [...path, 'cost', key],
      what: `Limit "${name}" counts requests in progress, and has a cost ${key}.`,
      consequence: 'Requests in progress take slots, not bytes or seconds.',
      fix: `Remove ${key}, or write it in a limit with a rate or a quota.`,
    });
  }
  return issues;
}
