import type { CompiledLimit } from './compile.ts';
import { dayMs, instantsOf, isBounded, type Occurrence, type Span, wallSpansOf } from './schedule-spans.ts';

/** One entry of a schedule, compiled. */
export interface ScheduleEntry {
  readonly name: string;
  readonly occurrence: Occurrence;
  readonly timeZone: string;
  /** All instants at which a bounded entry is in force; undefined for one that goes on for ever. */
  readonly spans: readonly Span[] | undefined;
  readonly limit: CompiledLimit;
}

/** Clocks may skip one turn of a weekly entry, or a day: the next but one is never further away. */
const reachDays = 16;

/**
 * A limit whose figures depend on the time. Which ones are in force is worked out when they change and kept until then; both
 * ends are compared, because a clock may go back. The limit given is the same object until the next change, and its
 * `sinceMs` is the same on every instance, so that instances agree on which figures are the newer ones.
 */
export class Schedule {
  readonly entries: readonly ScheduleEntry[];
  readonly #otherwise: CompiledLimit;
  #current: CompiledLimit;
  #fromMs = Infinity;
  #untilMs = -Infinity;

  constructor(otherwise: CompiledLimit, entries: readonly ScheduleEntry[]) {
    this.#otherwise = otherwise;
    this.#current = otherwise;
    this.entries = entries;
  }

  /** The limit in force at an instant, in milliseconds since 1970. */
  at(nowMs: number): CompiledLimit {
    if (nowMs < this.#fromMs || nowMs >= this.#untilMs) this.#turn(nowMs);
    return this.#current;
  }

  #turn(nowMs: number): void {
    let inForce = this.#otherwise;
    let sinceMs = -Infinity;
    let untilMs = Infinity;
    for (const entry of this.entries) {
      const state = stateAt(entry, nowMs);
      if (state.inForce) inForce = entry.limit;
      // Entries do not overlap, so nothing else began or ended since the one in force began.
      if (state.sinceMs > sinceMs) sinceMs = state.sinceMs;
      if (state.untilMs < untilMs) untilMs = state.untilMs;
    }
    this.#current = { ...inForce, sinceMs: Math.max(0, sinceMs) };
    this.#fromMs = sinceMs;
    this.#untilMs = untilMs;
  }
}

/** Whether an entry is in force, since when that is so, and until when. */
function stateAt(
  entry: ScheduleEntry,
  nowMs: number,
): { inForce: boolean } & { sinceMs: number; untilMs: number } {
  const spans = entry.spans ?? spansAround(entry, nowMs);
  let sinceMs = -Infinity;
  for (const span of spans) {
    if (nowMs < span.fromMs) return { inForce: false, sinceMs, untilMs: span.fromMs };
    if (nowMs < span.untilMs) return { inForce: true, sinceMs: span.fromMs, untilMs: span.untilMs };
    sinceMs = span.untilMs;
  }
  return { inForce: false, sinceMs, untilMs: Infinity };
}

function spansAround({ occurrence, timeZone }: ScheduleEntry, nowMs: number): Span[] {
  const today = Math.floor(nowMs / dayMs);
  return instantsOf(wallSpansOf(occurrence, { first: today - reachDays, last: today + reachDays }), timeZone);
}

/** All instants at which an entry is in force; undefined for one that goes on for ever. */
export function boundedSpansOf(occurrence: Occurrence, timeZone: string): Span[] | undefined {
  return isBounded(occurrence) ? instantsOf(wallSpansOf(occurrence), timeZone) : undefined;
}
