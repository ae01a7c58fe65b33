import { assumedVerifiers } from '../auth/assumed.ts';
import { createKeySources, createVerifiers } from '../auth/verifiers.ts';
import type { Configuration } from '../config/load.ts';
import { manualClock, systemClock } from '../core/clock.ts';
import { systemScheduler } from '../core/scheduler.ts';
import { newRequestId } from '../core/request-id.ts';
import { decide } from '../decide/decide.ts';
import { type DecisionJson, decisionJson } from '../decide/decision-json.ts';
import { headOfDescription } from '../decide/described-request.ts';
import { dryEffects } from '../decide/effects.ts';
import { MemoryStore } from '../limits/memory-store.ts';
import type { Question } from './question.ts';

/** Answers questions about one configuration. */
export interface Explainer {
  ask(question: Question): Promise<DecisionJson>;
  close(): void;
}

/**
 * Opens an explainer: the live decision with dry effects. Tokens in a question are verified with the keys of the real issuer;
 * `as` takes a credential for granted; both are judged as of now, also where `at` asks about another time, which tells
 * schedules and calendars. Budgets are full, because this process has none of the gateway's.
 */
export function openExplainer({ snapshot, identities }: Configuration): Explainer {
  const clock = systemClock;
  const keySources = createKeySources({ clock, scheduler: systemScheduler, fetch: globalThis.fetch });
  const verifiers = createVerifiers(identities, keySources, clock);
  return {
    async ask(question) {
      const head = headOfDescription(question, { listener: 'proxy', requestId: newRequestId() });
      if (head === undefined) throw new TypeError(`"request" is not METHOD URL: ${question.request}`);
      const then = question.at === undefined ? clock : manualClock(question.at);
      const limits = new MemoryStore({ clock: then });
      const effects = dryEffects({
        clock: then,
        verifiers:
          question.as === undefined ? verifiers : assumedVerifiers(question.as, identities, clock.wallMs()),
        limits,
        guard: limits,
      });
      const { decision } = await decide(head, snapshot, effects);
      return decisionJson(decision);
    },
    close: () => keySources.close(),
  };
}
