import type { SlotGrant, SlotRequest } from '../../src/limits/leases/slot-call.ts';

/** Slots of one key, as `slot-script.ts` keeps them. */
export interface StoredSlots {
  version: number;
  capacity: number;
  /** When somebody named the version, to 10 s. */
  heardMs: number;
  holders: Map<string, { slots: number; expiresMs: number; sequence: number }>;
}

const forgetVersionMs = 60_000;
const tellVersionMs = 10_000;

/** `slot-script.ts` in TypeScript: the same request, state and time give the same answer and state. */
export function runSlots(
  keys: Map<string, StoredSlots>,
  key: string,
  request: SlotRequest,
  nowMs: number,
): SlotGrant {
  const stored = keys.get(key);
  const holders = new Map([...(stored?.holders ?? [])].map(([name, held]) => [name, { ...held }]));
  let { capacity, version } = request;
  let heardMs = nowMs;
  if (stored !== undefined && stored.version > 0) {
    const unheardMs = nowMs - stored.heardMs;
    const ours = stored.version === version && stored.capacity === capacity;
    if (ours && unheardMs < tellVersionMs) ({ heardMs } = stored);
    if (stored.version > version && unheardMs <= forgetVersionMs) ({ capacity, version, heardMs } = stored);
  }
  let others = 0;
  let late = false;
  for (const [name, held] of holders) {
    if (name === request.holder) {
      late = held.sequence >= request.sequence;
    } else if (held.expiresMs <= nowMs) {
      holders.delete(name);
    } else {
      held.expiresMs = Math.min(held.expiresMs, nowMs + request.ttlMs);
      others += held.slots;
    }
  }
  const room = capacity - others - request.keep;
  let granted = 0;
  if (request.need > 0 && room >= request.need && !late) {
    granted = Math.min(
      request.want,
      Math.max(request.need, Math.min(request.ask, room), Math.floor(room / request.share)),
    );
  }
  if (request.write && !late) {
    const { holder, sequence, ttlMs, keep } = request;
    holders.set(holder, { slots: keep + granted, expiresMs: nowMs + ttlMs, sequence });
  }
  if (request.write) {
    const known = late ? stored : { version, capacity, heardMs };
    keys.set(key, {
      version: known?.version ?? 0,
      capacity: known?.capacity ?? 0,
      heardMs: known?.heardMs ?? 0,
      holders,
    });
  }
  return { granted, others, capacity };
}
