import type { Effects } from './effects.ts';
import type { Snapshot } from './snapshot.ts';

/** The configuration in force and what it acts on. A reload replaces the whole; a request keeps the one it began with. */
export interface Live {
  snapshot: Snapshot;
  effects: Effects;
}
