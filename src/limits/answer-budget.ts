import type { Scheduler } from '../core/scheduler.ts';
import { StoreError } from './store-error.ts';

/** The time that one decision may wait, over however many calls. */
export class AnswerBudget {
  readonly #expired: Promise<never>;
  readonly #cancel: () => void;

  constructor(scheduler: Scheduler, timeoutMs: number) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.#expired = promise;
    promise.catch(() => undefined);
    this.#cancel = scheduler.after(timeoutMs, () => {
      // Timers run before sockets are read: after a blocked event loop the answer may be there already, and a busy
      // gateway is no slow store. setImmediate comes after the reading.
      setImmediate(() => reject(new StoreError('timeout', `Redis: no answer within ${timeoutMs} ms`)));
    });
  }

  /** The answer; rejects with `StoreError` when the time is used up before. */
  within<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return Promise.race([answer, this.#expired]);
  }

  end(): void {
    this.#cancel();
  }
}

/** One answer within one budget. */
export async function withinBudget<Answer>(
  answer: Promise<Answer>,
  { scheduler, timeoutMs }: { scheduler: Scheduler; timeoutMs: number },
): Promise<Answer> {
  const budget = new AnswerBudget(scheduler, timeoutMs);
  try {
    return await budget.within(answer);
  } finally {
    budget.end();
  }
}
