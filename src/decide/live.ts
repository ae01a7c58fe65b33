// hot path
import type { RequestHead } from '../core/request-head.ts';
import { type Decided, decide } from './decide.ts';
import type { Effects } from './effects.ts';
import type { Snapshot } from './snapshot.ts';

/** The configuration in force and what it acts on. A reload replaces the whole; a request keeps the one it began with. */
export interface Live {
  snapshot: Snapshot;
  effects: Effects;
}

/** What a surface does with a decision, and with a fault of ours in its place. */
export interface DecisionListener {
  onDecided(decided: Decided): void;
  onFault(error: unknown): void;
}

/** Decides and hands the decision over. A fault, in the decision or in what follows it at once, ends one request and not the process. */
export function decideLive(head: RequestHead, { snapshot, effects }: Live, listener: DecisionListener): void {
  try {
    const decided = decide(head, snapshot, effects);
    if (decided instanceof Promise) {
      decided.then((late) => listener.onDecided(late)).catch((error: unknown) => listener.onFault(error));
    } else listener.onDecided(decided);
  } catch (error) {
    listener.onFault(error);
  }
}
