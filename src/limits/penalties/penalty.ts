/**
 * How failed attempts of one address or account are answered: the first `free` within a window cost nothing, each further
 * one is followed by a time in which nothing more may be tried, twice as long each time. Times are whole milliseconds.
 */
export interface PenaltyRule {
  readonly free: number;
  /** So long after the first of them, failures that cost nothing are forgotten. */
  readonly windowMs: number;
  readonly firstMs: number;
  readonly longestMs: number;
  /** So long after the last failure, everything is forgotten. At least `longestMs`. */
  readonly forgetMs: number;
}

/** What is remembered of one address or account. */
export interface PenaltyRecord {
  failures: number;
  /** When the first of them was. */
  sinceMs: number;
  lastMs: number;
  /** Nothing may be tried before; 0 when nothing was penalised. */
  untilMs: number;
}

/**
 * What can be done with a record. `look` changes nothing. `try` counts an attempt before its outcome is known, so that many
 * at once are no way around, unless a penalty holds. `fail` counts a failure, whatever holds. `forgive` takes back what `try`
 * counted, `clear` forgets everything.
 */
export type PenaltyAction = 'look' | 'try' | 'fail' | 'forgive' | 'clear';

/** How it stands after an action. */
export interface Standing {
  /** Whether an attempt may be made: no penalty held before this action. */
  passed: boolean;
  failures: number;
  /** Milliseconds until the next attempt may be made. */
  waitMs: number;
}

/** The time that follows this many failures. */
export function penaltyMs(rule: PenaltyRule, failures: number): number {
  const beyond = failures - rule.free;
  if (beyond <= 0) return 0;
  // 2^40 of anything is longer than the longest.
  return Math.min(rule.longestMs, rule.firstMs * 2 ** Math.min(beyond - 1, 40));
}

/** Whether time has made the record the same as none. */
export function isForgotten(rule: PenaltyRule, record: PenaltyRecord, nowMs: number): boolean {
  if (nowMs - record.lastMs >= rule.forgetMs) return true;
  return record.failures <= rule.free && nowMs - record.sinceMs >= rule.windowMs;
}

/** When time alone will have made the record the same as none. */
export function forgottenAtMs(rule: PenaltyRule, record: PenaltyRecord): number {
  const quietMs = record.lastMs + rule.forgetMs;
  return record.failures <= rule.free ? Math.min(quietMs, record.sinceMs + rule.windowMs) : quietMs;
}

/**
 * Carries out an action on a record that may not exist; gives the record afterwards, undefined for none, and how it stands.
 * `penalty-script.ts` holds the same in Lua.
 */
export function applyPenalty(
  rule: PenaltyRule,
  found: PenaltyRecord | undefined,
  { action, nowMs }: { action: PenaltyAction; nowMs: number },
): { record: PenaltyRecord | undefined; standing: Standing } {
  const before = found === undefined || isForgotten(rule, found, nowMs) ? undefined : found;
  const heldMs = before === undefined ? 0 : Math.max(0, before.untilMs - nowMs);
  const record = act(rule, before, { action: action === 'try' && heldMs > 0 ? 'look' : action, nowMs });
  return {
    record,
    standing: {
      passed: heldMs === 0,
      failures: record?.failures ?? 0,
      waitMs: record === undefined ? 0 : Math.max(0, record.untilMs - nowMs),
    },
  };
}

function act(
  rule: PenaltyRule,
  before: PenaltyRecord | undefined,
  { action, nowMs }: { action: PenaltyAction; nowMs: number },
): PenaltyRecord | undefined {
  if (action === 'clear') return undefined;
  if (action === 'try' || action === 'fail') {
    const failures = (before?.failures ?? 0) + 1;
    const untilMs = failures > rule.free ? nowMs + penaltyMs(rule, failures) : 0;
    return {
      failures,
      sinceMs: before?.sinceMs ?? nowMs,
      // A clock that went back must not make a failure older than it is.
      lastMs: Math.max(before?.lastMs ?? nowMs, nowMs),
      untilMs: Math.max(before?.untilMs ?? 0, untilMs),
    };
  }
  if (action === 'look' || before === undefined) return before;
  const failures = before.failures - 1;
  const record = { ...before, failures, untilMs: failures > rule.free ? before.untilMs : 0 };
  return failures === 0 || isForgotten(rule, record, nowMs) ? undefined : record;
}
