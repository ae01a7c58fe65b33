import type { ConfigPath, Issue, Locate } from '../core/issue.ts';
import { workloads } from '../core/workload.ts';
import { compileBucket, maxCapacity } from './bucket.ts';
import type { Bucket } from './bucket.ts';
import { type CalendarPeriod, usualLengthMs } from './calendar.ts';
import { compileCost, type LimitCost } from './cost.ts';
import { checkLimit } from './check-limit.ts';
import type { GuardOptions, LimitOptions } from './options.ts';

export type LimitKeyKind = LimitOptions['key'];

/** What limits of every kind have. Immutable; a reload makes a new one with the same `id`, so that budgets carry over. */
interface LimitBase {
  /** `<zone>/<name>`, of other kinds than a rate with `@` and more: the same in every instance, and free of blanks, colons and braces. */
  readonly id: string;
  readonly name: string;
  readonly key: LimitKeyKind;
  /** What a full budget holds: the burst of a rate, the whole quota, all slots. */
  readonly burst: number;
  /** In how many milliseconds an empty budget is full again; of a quota the usual length of its window, 0 for slots. */
  readonly windowMs: number;
  readonly cost: LimitCost;
  readonly shadow: boolean;
  readonly onStoreFailure: LimitOptions['onStoreFailure'];
  /** `file:line:column` of the entry, or of the override or schedule entry whose figures these are. */
  readonly at: string;
  /**
   * Changes when, and only when, the configuration of the budget does: the same for all figures that one id can have, and
   * on every instance. Absent for the guard of a zone, which has one set of figures.
   */
  readonly definition?: string;
  /** When a schedule brought these figures into force, in milliseconds since 1970; 0 when none ever did. */
  readonly sinceMs?: number;
  /** Whose figures these are: `default`, `tier dedicated`, `tenant acme, cut-off` and the like; absent means default. */
  readonly variant?: string;
}

/** So many tokens come back in a time. */
export interface RateLimit extends LimitBase {
  readonly kind: 'rate';
  readonly bucket: Bucket;
}

/** `burst` tokens for each window of a calendar. */
export interface QuotaLimit extends LimitBase {
  readonly kind: 'quota';
  readonly period: CalendarPeriod;
}

/** `burst` slots, each taken as long as a request is in progress. */
export interface InFlightLimit extends LimitBase {
  readonly kind: 'inFlight';
}

/** A limit as the stores use it; plain data. */
export type CompiledLimit = RateLimit | QuotaLimit | InFlightLimit;

/** Compiles the `limits:` list of one zone. Paths start at the zone file: `["limits", 0, "rate"]`. */
export function compileLimits(
  zone: string,
  authored: readonly LimitOptions[],
  locate: Locate,
): { limits: CompiledLimit[]; issues: Issue[] } {
  const limits: CompiledLimit[] = [];
  const issues: Issue[] = [];
  const names = new Set<string>();
  for (const [index, entry] of authored.entries()) {
    const path: ConfigPath = ['limits', index];
    if (names.has(entry.name)) issues.push(duplicateName(zone, entry.name, [...path, 'name']));
    names.add(entry.name);
    const compiled = compileLimit(entry, { id: `${zone}/${entry.name}`, path, at: locate(path) });
    issues.push(...compiled.issues);
    if (compiled.limit !== undefined) limits.push(compiled.limit);
  }
  return { limits, issues };
}

/** Compiles one entry; no limit when it is of no kind, or of two. `path` is where it stands in its file. */
export function compileLimit(
  entry: LimitOptions,
  { id, path, at }: { id: string; path: ConfigPath; at: string },
): { limit: CompiledLimit | undefined; issues: Issue[] } {
  const { name, key, shadow, onStoreFailure } = entry;
  const cost = compileCost(entry.cost);
  const issues = checkLimit(entry, path);
  const base = (burst: number, windowMs: number): LimitBase => {
    issues.push(...costIssues(entry, cost, { burst, path }));
    return { id, name, key, burst, windowMs, cost, shadow, onStoreFailure, at };
  };
  if (entry.rate !== undefined) {
    const bucket = compileBucket(entry.rate.tokens, entry.rate.periodUs, entry.burst ?? entry.rate.tokens);
    issues.push(...capacityIssues(bucket, entry.rate.text, path));
    return { limit: { kind: 'rate', ...base(bucket.burst, windowMsOf(bucket)), bucket }, issues };
  }
  if (entry.quota !== undefined) {
    const { tokens, unit } = entry.quota;
    const period = { unit, timeZone: entry.timezone ?? 'UTC', anchorDay: entry.anchorDay?.day ?? 1 };
    const counted = base(tokens, usualLengthMs[unit]);
    return { limit: { kind: 'quota', ...counted, id: `${id}@${periodName(period)}`, period }, issues };
  }
  if (entry.inFlight !== undefined)
    return { limit: { kind: 'inFlight', ...base(entry.inFlight, 0), id: `${id}@inFlight` }, issues };
  return { limit: undefined, issues };
}

/** Windows of another calendar are another budget: what was spent in a day says nothing about a month. */
function periodName({ unit, timeZone, anchorDay }: CalendarPeriod): string {
  return `${unit}${unit === 'day' ? '' : `-${anchorDay}`}@${timeZone}`;
}

/** Compiles the address guard of one scope (a zone or listener). `path` is where it stands in its section. */
export function compileGuard(
  scope: string,
  authored: GuardOptions,
  { path, locate }: { path: ConfigPath; locate: Locate },
): { limit: CompiledLimit; issues: Issue[] } {
  const burst = authored.burst ?? authored.rate.tokens;
  const bucket = compileBucket(authored.rate.tokens, authored.rate.periodUs, burst);
  const limit: RateLimit = {
    kind: 'rate',
    // No authored name holds an @, so the guard never shares a budget with a limit.
    id: `${scope}/@address-guard`,
    name: 'address-guard',
    key: 'client',
    burst,
    windowMs: windowMsOf(bucket),
    cost: compileCost({}),
    shadow: false,
    onStoreFailure: 'share',
    at: locate(path),
    bucket,
  };
  return { limit, issues: capacityIssues(bucket, authored.rate.text, path) };
}

/** Whether the limit means nothing in a zone that identifies nobody; the zone's compiler reports that. */
export function limitNeedsPrincipal(limit: { readonly key: LimitKeyKind }): boolean {
  return limit.key === 'principal';
}

/** Milliseconds, rounded up, in which an empty bucket becomes full. */
function windowMsOf(bucket: Bucket): number {
  return Math.ceil(bucket.capacity / bucket.leakPerUs / 1000);
}

function duplicateName(zone: string, name: string, path: ConfigPath): Issue {
  return {
    path,
    what: `Two limits of zone "${zone}" are named "${name}".`,
    consequence: 'They would spend from one budget, and no report could tell them apart.',
    fix: 'Give every limit of a zone a name of its own.',
  };
}

/** Costs above a full budget: such a request could never pass. */
function costIssues(
  entry: LimitOptions,
  cost: LimitCost,
  { burst, path }: { burst: number; path: ConfigPath },
): Issue[] {
  const issues: Issue[] = [];
  const full = entry.rate !== undefined ? 'burst' : entry.quota !== undefined ? 'quota' : 'inFlight';
  const complain = (tokens: number, who: string, at: ConfigPath): void => {
    if (tokens <= burst) return;
    issues.push({
      path: [...path, 'cost', ...at],
      what: `A cost of "${tokens}" is more than the ${full} of ${burst}.`,
      consequence: `No ${who} could ever pass.`,
      fix: `Write ${full === 'inFlight' ? 'an' : 'a'} ${full} of at least ${tokens}, or a cost of at most ${burst}.`,
    });
  };
  for (const workload of workloads) complain(cost[workload], `${workload} request`, [workload]);
  for (const [index, { cost: tokens }] of cost.odoo.entries())
    complain(tokens, 'such call', ['odoo', index, 'cost']);
  return issues;
}

function capacityIssues(bucket: Bucket, rate: string, path: ConfigPath): Issue[] {
  if (bucket.capacity <= maxCapacity) return [];
  const largest = Math.floor(maxCapacity / bucket.unitsPerToken);
  return [
    {
      path: [...path, 'rate'],
      what: `"${rate}" with a burst of ${bucket.burst} is too fine to be counted exactly.`,
      consequence: 'The budget would be rounded and could admit more than it says.',
      fix: `Write a burst of at most ${largest}, or a rate that divides its period more evenly.`,
    },
  ];
}
