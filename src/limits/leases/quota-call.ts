import type { CalendarWindow } from '../calendar.ts';

/** What an instance last learnt of a quota. Counts are tokens since the window began. */
export interface QuotaView {
  window: CalendarWindow;
  /** When the window ends on the lease clock, rather late than early. */
  endsAtMs: number;
  granted: number;
  returned: number;
  /** Tells one life of the stored count from the next; 0 when nothing was seen. */
  born: number;
  /** The quota that governs, which may be of a newer configuration. */
  quota: number;
  /** Of the wallet's `owed` tokens: the start of the window in which they were spent. */
  owedIn: number;
}

/** One call for one quota: what is asked, what is given back, and what to repair from. Whole numbers throughout. */
export interface QuotaRequest {
  /** The window in which the caller believes to be, and where it ends. */
  startMs: number;
  endMs: number;
  quota: number;
  /** The highest one that a count has met decides its quota. */
  version: number;
  /** The fewest tokens that help; 0 asks for none. */
  need: number;
  /** Tokens that would be spent at once. */
  ask: number;
  /** The most tokens to take; at least `need` and `ask`. */
  want: number;
  /** Beyond `ask`, a grant is at most this part of what is there. */
  share: number;
  /** False only looks: nothing is stored. */
  write: boolean;
  /** How long a grant may be used. */
  lifeMs: number;
  /** Unspent tokens that the caller gives up, all of the window `backIn`. */
  back: number;
  backIn: number;
  /** Tokens of this window that were spent without a grant; below 0 for those that were granted, spent and not used. */
  owe: number;
  /** What the caller saw last, all of the window `seenIn`. */
  seenIn: number;
  seenGranted: number;
  seenReturned: number;
  seenBorn: number;
}

export interface QuotaGrant {
  /** The server's time is not in the window that was told, or a later one has begun: nothing was done. */
  stale: boolean;
  nowMs: number;
  granted: number;
  /** Milliseconds, from the moment of the call, for which the granted tokens are good; never beyond the window. */
  lifeMs: number;
  /** All tokens that were given out in this window, and those of them that came back. */
  totalGranted: number;
  totalReturned: number;
  born: number;
  quota: number;
  /** Start of the window that is counted; 0 when none is. */
  startMs: number;
}

export function renderQuotaArguments(request: QuotaRequest): number[] {
  return [
    request.startMs,
    request.endMs,
    request.quota,
    request.version,
    request.need,
    request.ask,
    request.want,
    request.share,
    request.write ? 1 : 0,
    request.lifeMs,
    request.back,
    request.backIn,
    request.owe,
    request.seenIn,
    request.seenGranted,
    request.seenReturned,
    request.seenBorn,
  ];
}

/** Reads the script's reply; undefined when it is not one. */
export function parseQuotaReply(reply: unknown): QuotaGrant | undefined {
  if (!Array.isArray(reply) || reply.length !== 9) return undefined;
  if (!reply.every((part): part is number => Number.isSafeInteger(part))) return undefined;
  const [stale, nowMs = 0, granted = 0, lifeMs = 0, totalGranted = 0, totalReturned = 0] = reply;
  const [born = 0, quota = 0, startMs = 0] = reply.slice(6);
  return { stale: stale === 1, nowMs, granted, lifeMs, totalGranted, totalReturned, born, quota, startMs };
}
