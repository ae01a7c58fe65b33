import type { Readiness } from '../admin/admin.ts';
import type { LimitAnswer, LimitQuestion } from '../admin/limit-questions.ts';
import type { Recording } from '../config/recording.ts';
import type { Listening } from '../gateway/listeners.ts';
import type { MetricReading } from '../telemetry/aggregate.ts';

/**
 * What the primary and its workers tell each other, as plain data: it goes through a pipe as JSON. With SIGUSR2 a worker may
 * be of a newer release than the primary, so a message is never given another meaning, and an unknown one is ignored.
 */

/** To a worker. */
export type Order =
  /** The answer to `hello`. */
  | {
      kind: 'start';
      index: number;
      of: number;
      directory: string;
      recording: Recording;
    }
  /** Puts this configuration in force. */
  | { kind: 'apply'; recording: Recording }
  | { kind: 'ask'; about: keyof Answers }
  /** The answer has the same number. */
  | { kind: 'askLimits'; number: number; question: LimitQuestion }
  /** Lets requests in progress end, then ends the process. */
  | { kind: 'drain' }
  /**
   * The answer to `drained`: the primary knows that the ports are closed. Connections that were on their way to the worker
   * have come before this, and have gone back to be given to another.
   */
  | { kind: 'leave' };

/** What a worker can be asked about itself. */
export interface Answers {
  readiness: Readiness;
  metrics: MetricReading[];
}

/** From a worker. */
export type Report =
  /** It listens to orders. */
  | { kind: 'hello' }
  /** Its ports are open. */
  | { kind: 'listening'; listening: readonly Listening[] }
  /** It cannot start, and ends. */
  | { kind: 'failed'; cause: string }
  | { kind: 'answer'; about: keyof Answers; value: Answers[keyof Answers] }
  | { kind: 'limits'; number: number; answer: LimitAnswer }
  /** It has drained; nothing will be counted any more. */
  | { kind: 'drained'; metrics: MetricReading[] };
