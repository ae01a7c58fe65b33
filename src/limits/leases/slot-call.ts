/** What an instance last learnt of the slots of one key. */
export interface SlotView {
  /** Slots that other instances have. */
  others: number;
  /** All slots, of the configuration that governs. */
  capacity: number;
  /** Slots above the capacity: those that become free must not be used again. */
  excess: number;
  /** What the store has noted for this instance, as far as known; 0 when it need not be told that nothing is held. */
  noted: number;
  /** How few slots were free here at any time since the last look. */
  leastFree: number;
  /** When the store is told again, so that it does not take the slots for those of a crashed instance. */
  renewAtMs: number;
}

/** One call for the slots of one key: how many this instance keeps, and how many more it asks for. Whole numbers. */
export interface SlotRequest {
  /** Tells this process from all others. */
  holder: string;
  /** Grows with each call of a holder: one that comes late changes nothing. */
  sequence: number;
  /** Slots in use or held free. */
  keep: number;
  need: number;
  ask: number;
  want: number;
  share: number;
  capacity: number;
  version: number;
  /** Slots of a holder that is not heard of for so long are free. */
  ttlMs: number;
  /** False only looks. */
  write: boolean;
}

export interface SlotGrant {
  granted: number;
  others: number;
  capacity: number;
}

export function renderSlotArguments(request: SlotRequest): (string | number)[] {
  return [
    request.holder,
    request.sequence,
    request.keep,
    request.need,
    request.ask,
    request.want,
    request.share,
    request.capacity,
    request.version,
    request.ttlMs,
    request.write ? 1 : 0,
  ];
}

/** Reads the script's reply; undefined when it is not one. */
export function parseSlotReply(reply: unknown): SlotGrant | undefined {
  if (!Array.isArray(reply) || reply.length !== 3) return undefined;
  if (!reply.every((part): part is number => Number.isSafeInteger(part))) return undefined;
  const [granted = 0, others = 0, capacity = 0] = reply;
  return { granted, others, capacity };
}
