import cluster, { type Worker } from 'node:cluster';
import type { LimitAnswer, LimitQuestion } from '../admin/limit-questions.ts';
import type { Listening } from '../gateway/listeners.ts';
import type { MetricReading } from '../telemetry/aggregate.ts';
import type { Answers, Order, Report } from './messages.ts';

export interface WorkerProcessEvents {
  /** It waits for its `start`. */
  onHello(worker: WorkerProcess): void;
  onListening(worker: WorkerProcess): void;
  /** The process has ended, and everything that it said has been heard. */
  onEnd(worker: WorkerProcess): void;
}

type Answer = Answers[keyof Answers];

/** One worker process as its primary sees it. */
export class WorkerProcess {
  /** Place among the workers, from 0. */
  readonly index: number;
  state: 'starting' | 'serving' | 'draining' | 'ended' = 'starting';
  listening: readonly Listening[] = [];
  /** What it had counted when it was last heard. */
  lastMetrics: MetricReading[] = [];
  /** What it said before it ended: why it could not start. */
  failure: string | undefined;
  /** Why it ended: its failure, else exit code or signal. */
  cause = '';
  readonly ended: Promise<void>;
  /** Resolves when it takes requests or has ended. */
  readonly settled: Promise<void>;
  readonly #worker: Worker;
  readonly #events: WorkerProcessEvents;
  /** Who waits for an answer. A worker is asked the same again only when it has answered, so a hung one costs nothing. */
  readonly #waiting = new Map<keyof Answers, Set<(value: Answer | undefined) => void>>();
  /** Questions about limits that have no answer yet, by their number. */
  readonly #asked = new Map<number, (answer: LimitAnswer | undefined) => void>();
  #questions = 0;
  #settle: () => void = () => {};
  #end: () => void = () => {};

  constructor(index: number, events: WorkerProcessEvents) {
    this.index = index;
    this.#events = events;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#worker = cluster.fork();
    this.#follow(this.#worker);
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  tell(order: Order): void {
    if (this.#worker.isConnected()) this.#worker.send(order);
  }

  /** Undefined when it does not answer in time. What it has counted is kept, also from an answer that comes late. */
  ask<About extends keyof Answers>(about: About, timeoutMs: number): Promise<Answers[About] | undefined> {
    if (this.state === 'starting' || this.state === 'ended') return Promise.resolve(undefined);
    let waiting = this.#waiting.get(about);
    if (waiting === undefined) {
      waiting = new Set();
      this.#waiting.set(about, waiting);
      this.tell({ kind: 'ask', about });
    }
    const everybody = waiting;
    return new Promise((resolve) => {
      const take = (value: Answer | undefined): void => {
        clearTimeout(timer);
        everybody.delete(take);
        // The answer names what it is about.
        resolve(value as Answers[About] | undefined);
      };
      const timer = setTimeout(take, timeoutMs, undefined);
      everybody.add(take);
    });
  }

  /** Undefined when it does not answer in time; it may do what it was asked for all the same. */
  askAboutLimits(question: LimitQuestion, timeoutMs: number): Promise<LimitAnswer | undefined> {
    if (this.state === 'starting' || this.state === 'ended') return Promise.resolve(undefined);
    const number = ++this.#questions;
    this.tell({ kind: 'askLimits', number, question });
    return new Promise((resolve) => {
      const timer = setTimeout(() => take(undefined), timeoutMs);
      const take = (answer: LimitAnswer | undefined): void => {
        clearTimeout(timer);
        this.#asked.delete(number);
        resolve(answer);
      };
      this.#asked.set(number, take);
    });
  }

  drain(): void {
    if (this.state !== 'serving') return;
    this.state = 'draining';
    this.tell({ kind: 'drain' });
  }

  /** Ends it at once, with whatever it has in hand. */
  kill(): void {
    if (this.state !== 'ended') this.#worker.process.kill('SIGKILL');
  }

  #follow(worker: Worker): void {
    const { process } = worker;
    const exited = new Promise<void>((resolve) => {
      process.once('exit', (code, signal) => {
        if (this.cause === '') this.cause = signal ?? `exit code ${code}`;
        resolve();
      });
    });
    // The pipe has been read to its end when both have come.
    const disconnected = new Promise<void>((resolve) => process.once('disconnect', resolve));
    void Promise.all([exited, disconnected]).then(() => this.#onEnd());
    worker.on('message', (report: Report) => this.#hear(report));
    worker.on('error', (error) => {
      // A process that never was has no exit. Else it has gone while it was told something, and its exit comes.
      if (process.pid !== undefined) return;
      this.cause = error.message;
      this.#onEnd();
    });
  }

  #onEnd(): void {
    this.state = 'ended';
    for (const about of this.#waiting.keys()) this.#answer(about, undefined);
    for (const take of this.#asked.values()) take(undefined);
    this.#settle();
    this.#events.onEnd(this);
    this.#end();
  }

  #hear(report: Report): void {
    switch (report.kind) {
      case 'hello':
        this.#events.onHello(this);
        return;
      case 'listening':
        this.state = 'serving';
        this.listening = report.listening;
        this.#settle();
        this.#events.onListening(this);
        return;
      case 'failed':
        this.failure = report.cause;
        this.cause = report.cause;
        return;
      case 'answer':
        // What the answer is about says what it holds.
        if (report.about === 'metrics') this.lastMetrics = report.value as MetricReading[];
        this.#answer(report.about, report.value);
        return;
      case 'limits':
        this.#asked.get(report.number)?.(report.answer);
        return;
      case 'drained':
        this.lastMetrics = report.metrics;
        this.tell({ kind: 'leave' });
        return;
      default:
        // From a worker of another release.
        return;
    }
  }

  #answer(about: keyof Answers, value: Answer | undefined): void {
    const waiting = this.#waiting.get(about);
    this.#waiting.delete(about);
    for (const take of waiting ?? []) take(value);
  }
}
