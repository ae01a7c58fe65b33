import type { ConfigPath, Issue, Locate } from '../core/issue.ts';
import { workloads } from '../core/workload.ts';
import type { Workload } from '../core/workload.ts';
import { compileBucket, maxCapacity } from './bucket.ts';
import type { Bucket } from './bucket.ts';
import type { GuardOptions, LimitOptions } from './options.ts';

export type LimitKeyKind = LimitOptions['key'];

/** A limit as the stores use it. Immutable; a reload makes a new one with the same `id`, so that budgets carry over. */
export interface CompiledLimit {
  /** `<zone>/<name>`: the same in every instance, and free of blanks, colons and braces. */
  readonly id: string;
  readonly name: string;
  readonly key: LimitKeyKind;
  readonly bucket: Bucket;
  /** As configured, for reports: what a full budget holds, and in how many milliseconds an empty one refills. */
  readonly burst: number;
  readonly windowMs: number;
  /** Whole tokens by workload. */
  readonly cost: Readonly<Record<Workload, number>>;
  readonly shadow: boolean;
  readonly onStoreFailure: LimitOptions['onStoreFailure'];
  /** `file:line:column` of the entry. */
  readonly at: string;
}

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
    const burst = entry.burst ?? entry.rate.tokens;
    const cost = costOf(entry.cost);
    for (const workload of workloads) {
      if (cost[workload] > burst)
        issues.push(costAboveBurst(workload, cost[workload], burst, [...path, 'cost', workload]));
    }
    const bucket = compileBucket(entry.rate.tokens, entry.rate.periodUs, burst);
    issues.push(...capacityIssues(bucket, entry.rate.text, path));
    limits.push({
      id: `${zone}/${entry.name}`,
      name: entry.name,
      key: entry.key,
      bucket,
      burst,
      windowMs: windowMsOf(bucket),
      cost,
      shadow: entry.shadow,
      onStoreFailure: entry.onStoreFailure,
      at: locate(path),
    });
  }
  return { limits, issues };
}

/** Compiles the address guard of one scope (a zone or listener). `path` is where it stands in its section. */
export function compileGuard(
  scope: string,
  authored: GuardOptions,
  { path, locate }: { path: ConfigPath; locate: Locate },
): { limit: CompiledLimit; issues: Issue[] } {
  const burst = authored.burst ?? authored.rate.tokens;
  const bucket = compileBucket(authored.rate.tokens, authored.rate.periodUs, burst);
  const limit: CompiledLimit = {
    // No authored name holds an @, so the guard never shares a budget with a limit.
    id: `${scope}/@address-guard`,
    name: 'address-guard',
    key: 'client',
    bucket,
    burst,
    windowMs: windowMsOf(bucket),
    cost: costOf({}),
    shadow: false,
    onStoreFailure: 'share',
    at: locate(path),
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

function costOf(authored: Partial<Record<Workload, number | undefined>>): Record<Workload, number> {
  return {
    interactive: authored.interactive ?? 1,
    batch: authored.batch ?? 1,
    websocket: authored.websocket ?? 1,
    static: authored.static ?? 1,
  };
}

function duplicateName(zone: string, name: string, path: ConfigPath): Issue {
  return {
    path,
    what: `Two limits of zone "${zone}" are named "${name}".`,
    consequence: 'They would spend from one budget, and no report could tell them apart.',
    fix: 'Give every limit of a zone a name of its own.',
  };
}

function costAboveBurst(workload: Workload, cost: number, burst: number, path: ConfigPath): Issue {
  return {
    path,
    what: `A cost of "${cost}" is more than the burst of ${burst}.`,
    consequence: `No ${workload} request could ever pass.`,
    fix: `Write a burst of at least ${cost}, or a cost of at most ${burst}.`,
  };
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
