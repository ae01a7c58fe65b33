import type { Clock } from '../../src/core/clock.ts';
import type { Effects } from '../../src/decide/effects.ts';
import { PenaltyBook } from '../../src/limits/penalties/penalty-book.ts';
import { MemoryPenalties } from '../../src/limits/penalties/penalty-memory.ts';
import { bruteForceSchema, compilePenalties } from '../../src/limits/penalties/penalty-options.ts';
import type { PenaltyStore } from '../../src/limits/penalties/penalty-store.ts';

/** A book in memory with 2 free failures for accounts and 4 for addresses, and what it told the metrics. */
export function openPenaltyBook(
  clock: Clock,
  { slow = false, accountKey = 'k' }: { slow?: boolean; accountKey?: string } = {},
) {
  const memory = new MemoryPenalties({ clock });
  /** A store that answers later, as Redis does. */
  const later: PenaltyStore = {
    act: (action, key, rule) => Promise.resolve(memory.act(action, key, rule)),
    heldMs: (key, rule) => memory.heldMs(key, rule),
    quiet: false,
    size: 0,
    maxKeys: 0,
    close: () => memory.close(),
  };
  const told: string[] = [];
  const rules = compilePenalties(bruteForceSchema.parse({ account: 2, address: 4, exempt: ['10.0.0.0/8'] }));
  const book = new PenaltyBook({
    store: slow ? later : memory,
    rules,
    clock,
    accountKey,
    onFailure: (zone, kind) => told.push(`${zone} ${kind}`),
    onPenalty: (zone, subject) => told.push(`${zone} penalty of the ${subject}`),
  });
  const effects: Pick<Effects, 'penalties' | 'countFailure'> = {
    penalties: book,
    countFailure: (subjects, zone, kind) => book.fail(subjects, { zone, kind, counted: false }),
  };
  return { book, memory, told, effects };
}
