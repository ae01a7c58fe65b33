import cluster from 'node:cluster';
import { systemClock } from '../core/clock.ts';
import { systemScheduler } from '../core/scheduler.ts';
import { RestartDelay } from './restart-delay.ts';
import { WorkerProcess } from './worker-process.ts';

export interface CrewEvents {
  /** A worker waits for its `start`. */
  onHello(worker: WorkerProcess): void;
  onListening(worker: WorkerProcess): void;
  /** A worker has ended that nobody had told to; another takes its place after `delayMs`. */
  onDeath(worker: WorkerProcess, delayMs: number): void;
  /** Any worker has ended. */
  onEnd(worker: WorkerProcess): void;
  /** A worker that was to end has not done so in time, and is killed. */
  onKill(worker: WorkerProcess): void;
  /** Workers end while they start, again and again, and none takes requests. */
  onGiveUp(cause: string): void;
}

/** A worker that neither takes requests nor ends by then is not going to. */
const startTimeoutMs = 30_000;
const maxStartDeaths = 5;

interface Place {
  worker: WorkerProcess | undefined;
  /** Takes the place when it takes requests; the other one is drained then. */
  successor: WorkerProcess | undefined;
  delay: RestartDelay;
  cancelRestart: (() => void) | undefined;
}

/** The worker processes: keeps each place filled, and changes the workers one by one. */
export class Crew {
  /** All that live, also those that drain. */
  readonly workers = new Set<WorkerProcess>();
  readonly #events: CrewEvents;
  readonly #places: Place[];
  #changing = false;
  #closed = false;
  #startDeaths = 0;

  constructor(count: number, events: CrewEvents) {
    this.#events = events;
    // Connections are dealt in turn, whatever the environment says: the kernel would give most of them to few workers.
    cluster.schedulingPolicy = cluster.SCHED_RR;
    this.#places = Array.from({ length: count }, () => ({
      worker: undefined,
      successor: undefined,
      delay: new RestartDelay(systemClock),
      cancelRestart: undefined,
    }));
  }

  start(): void {
    for (const index of this.#places.keys()) this.#fill(index);
  }

  /** Those that take requests. */
  serving(): WorkerProcess[] {
    return [...this.workers].filter(({ state }) => state === 'serving');
  }

  /** Whether every place has a worker that takes requests. */
  isComplete(): boolean {
    return this.#places.every(({ worker }) => worker?.state === 'serving');
  }

  /**
   * Puts a new process into each place, one after the other. The old one is drained when the new one takes requests, so
   * there are never fewer. Gives the cause when a new one does not start; its place and those after it are left as they are
   * then. An old one is killed when it still lives after `timeoutMs`.
   */
  async change(timeoutMs: number): Promise<string | undefined> {
    if (this.#changing) return 'the workers are being replaced already';
    this.#changing = true;
    try {
      for (const [index, place] of this.#places.entries()) {
        if (this.#closed) return undefined;
        // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
        const cause = await this.#change(index, place, timeoutMs);
        if (cause !== undefined) return cause;
      }
      return undefined;
    } finally {
      this.#changing = false;
    }
  }

  /** Lets every worker end its requests; kills what still lives after `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    for (const { cancelRestart } of this.#places) cancelRestart?.();
    await Promise.all([...this.workers].map((worker) => this.#end(worker, timeoutMs)));
  }

  async #end(worker: WorkerProcess, timeoutMs: number): Promise<void> {
    // One that starts has no request yet.
    if (worker.state === 'starting') worker.kill();
    else worker.drain();
    const timer = setTimeout(() => {
      this.#events.onKill(worker);
      worker.kill();
    }, timeoutMs);
    await worker.ended;
    clearTimeout(timer);
  }

  async #change(index: number, place: Place, timeoutMs: number): Promise<string | undefined> {
    const old = place.worker;
    // One that starts may have read the old program.
    await old?.settled;
    // A place that is empty gets the new program in any case.
    if (this.#closed || old === undefined || old.state !== 'serving') return undefined;
    const successor = this.#fork(index);
    place.successor = successor;
    await successor.settled;
    place.successor = undefined;
    if (successor.state === 'ended') {
      if (!this.workers.has(old)) this.#fill(index);
      return this.#closed ? undefined : successor.cause;
    }
    place.worker = successor;
    place.delay.started();
    await this.#end(old, timeoutMs);
    return undefined;
  }

  #fill(index: number): void {
    const place = this.#places[index];
    if (this.#closed || place === undefined) return;
    place.delay.started();
    place.worker = this.#fork(index);
  }

  #fork(index: number): WorkerProcess {
    const worker = new WorkerProcess(index, {
      onHello: (waiting) => this.#events.onHello(waiting),
      onListening: (listening) => {
        this.#startDeaths = 0;
        this.#events.onListening(listening);
      },
      onEnd: (ended) => this.#onEnd(ended),
    });
    this.workers.add(worker);
    const timer = setTimeout(() => {
      if (worker.state !== 'starting') return;
      worker.cause = `it did not listen after ${startTimeoutMs} ms`;
      worker.kill();
    }, startTimeoutMs);
    void worker.settled.then(() => clearTimeout(timer));
    return worker;
  }

  #onEnd(worker: WorkerProcess): void {
    this.workers.delete(worker);
    this.#events.onEnd(worker);
    const place = this.#places[worker.index];
    // One that was replaced, or was to replace another: `#change` knows what follows.
    if (this.#closed || place === undefined || place.worker !== worker) return;
    const delayMs = place.delay.next();
    this.#events.onDeath(worker, delayMs);
    if (worker.listening.length === 0) {
      this.#startDeaths++;
      if (this.#startDeaths >= maxStartDeaths && this.serving().length === 0) {
        this.#events.onGiveUp(worker.cause);
        return;
      }
    }
    if (place.successor !== undefined) return;
    place.cancelRestart = systemScheduler.after(delayMs, () => this.#fill(worker.index));
  }
}
