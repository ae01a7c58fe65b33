import type { QuotaGrant, QuotaRequest } from '../../src/limits/leases/quota-call.ts';

/** A stored count, as `quota-script.ts` keeps it. */
export interface StoredQuota {
  startMs: number;
  granted: number;
  returned: number;
  born: number;
  version: number;
  quota: number;
  /** When somebody named the version. */
  heardMs: number;
}

const forgetVersionMs = 60_000;

/** `quota-script.ts` in TypeScript: the same request, state and time give the same answer and state. */
export function runQuota(
  counts: Map<string, StoredQuota>,
  key: string,
  request: QuotaRequest,
  nowMs: number,
): QuotaGrant {
  const { startMs, endMs } = request;
  const stored = counts.get(key);
  const begun = stored !== undefined && stored.startMs === startMs;
  if (nowMs >= endMs || (nowMs < startMs && !begun) || (stored !== undefined && startMs < stored.startMs)) {
    return {
      stale: true,
      nowMs,
      granted: 0,
      lifeMs: 0,
      totalGranted: stored?.granted ?? 0,
      totalReturned: stored?.returned ?? 0,
      born: stored?.born ?? 0,
      quota: request.quota,
      startMs: stored?.startMs ?? 0,
    };
  }
  let { quota, version } = request;
  let granted = 0;
  let returned = 0;
  let born = (nowMs % 1_000_000_000) + 1;
  if (begun) {
    ({ granted, returned, born } = stored);
  }
  let heardMs = nowMs;
  if (stored !== undefined && stored.version > version && nowMs - stored.heardMs <= forgetVersionMs) {
    ({ quota, version, heardMs } = stored);
  }
  const seen = request.seenIn === startMs;
  if (seen && (request.seenBorn !== born || granted < request.seenGranted)) {
    const used = Math.max(granted - returned, request.seenGranted - request.seenReturned);
    granted = Math.max(granted, request.seenGranted);
    returned = granted - used;
  }
  if (request.backIn === startMs) returned = Math.min(granted, returned + request.back);
  if (request.owe >= 0) granted += request.owe;
  else returned = Math.min(granted, returned - request.owe);
  const room = quota - (granted - returned);
  let given = 0;
  if (request.need > 0 && room >= request.need) {
    given = Math.min(
      request.want,
      Math.max(request.need, Math.min(request.ask, room), Math.floor(room / request.share)),
    );
    granted += given;
  }
  if (request.write) counts.set(key, { startMs, granted, returned, born, version, quota, heardMs });
  return {
    stale: false,
    nowMs,
    granted: given,
    lifeMs: Math.min(request.lifeMs, endMs - nowMs),
    totalGranted: granted,
    totalReturned: returned,
    born,
    quota,
    startMs,
  };
}
