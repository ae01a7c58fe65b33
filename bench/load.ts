import { runAutocannon } from './autocannon-load.ts';
import type { GeneratorName } from './generators.ts';
import { LoadConnection, type LoadListener, renderRequest } from './load-connection.ts';
import { Samples } from './samples.ts';
import type { BenchRequest } from './traffic.ts';

export interface LoadJob {
  /** `saturate`: every connection sends the next request when it has an answer. A rate: so many a second, come what may. */
  pace: 'saturate' | { requestsPerSecond: number };
  /** What saturates; a rate is always kept by our own. */
  generator: GeneratorName;
  port: number;
  request: BenchRequest;
  connections: number;
  seconds: number;
}

export interface LoadOutcome {
  requests: number;
  seconds: number;
  statuses: Record<string, number>;
  /** Connections that broke, and time-outs. */
  errors: number;
  /** What the first error was, where it is known. */
  problem?: string;
  p50Ms: number;
  p99Ms: number;
}

/** How long the answers may take that are still due when a job ends. */
const graceMs = 10_000;

/** One job on its connections. Latency counts from when a request is due, so waiting for a free connection is in it. */
class Load implements LoadListener {
  readonly #job: LoadJob;
  readonly #samples = new Samples();
  readonly #statuses = new Map<number, number>();
  readonly #connections: LoadConnection[] = [];
  readonly #free: LoadConnection[] = [];
  /** When those requests were due that no connection was free for, in order. */
  readonly #waiting: number[] = [];
  readonly #saturating: boolean;
  #sent = 0;
  #answered = 0;
  #errors = 0;
  #problem: string | undefined;
  #sending = true;

  constructor(job: LoadJob) {
    this.#job = job;
    this.#saturating = job.pace === 'saturate';
    const request = renderRequest(job.request);
    for (let i = 0; i < job.connections; i++)
      this.#connections.push(new LoadConnection(job.port, request, this));
  }

  run(): Promise<LoadOutcome> {
    return new Promise((resolve) => {
      const startMs = performance.now();
      const endMs = startMs + this.#job.seconds * 1000;
      if (this.#saturating) for (const connection of this.#connections) this.#send(connection, startMs);
      else this.#free.push(...this.#connections);
      const timer = setInterval(() => {
        const nowMs = performance.now();
        if (nowMs < endMs) {
          if (!this.#saturating) this.#sendDue(nowMs, startMs);
          return;
        }
        this.#sending = false;
        const complete = this.#answered + this.#errors >= this.#sent && this.#waiting.length === 0;
        if (!complete && nowMs < endMs + graceMs) return;
        clearInterval(timer);
        resolve(this.#finish((nowMs - startMs) / 1000));
      }, 1);
    });
  }

  onAnswer(connection: LoadConnection, status: number, startMs: number): void {
    const nowMs = performance.now();
    this.#answered++;
    this.#samples.add(nowMs - startMs);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (this.#saturating) {
      if (this.#sending) this.#send(connection, nowMs);
      return;
    }
    const dueMs = this.#waiting.shift();
    if (dueMs === undefined) this.#free.push(connection);
    else this.#send(connection, dueMs);
  }

  onBroken(problem: string): void {
    this.#errors++;
    this.#problem ??= problem;
  }

  #send(connection: LoadConnection, dueMs: number): void {
    this.#sent++;
    connection.send(dueMs);
  }

  /** What is due goes out whatever the answers do, so a slow answer delays no later request. */
  #sendDue(nowMs: number, startMs: number): void {
    if (this.#job.pace === 'saturate') return;
    const due = Math.floor(((nowMs - startMs) / 1000) * this.#job.pace.requestsPerSecond);
    while (this.#sent + this.#waiting.length < due) {
      const connection = this.#free.shift();
      if (connection === undefined) this.#waiting.push(nowMs);
      else this.#send(connection, nowMs);
    }
  }

  #finish(seconds: number): LoadOutcome {
    for (const connection of this.#connections) connection.close();
    const [p50Ms = NaN, p99Ms = NaN] = this.#samples.percentiles([0.5, 0.99]);
    return {
      requests: this.#answered,
      seconds,
      statuses: Object.fromEntries(this.#statuses),
      // What is still due after the grace counts as an error each.
      errors: Math.max(this.#errors, this.#sent - this.#answered),
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
      p50Ms,
      p99Ms,
    };
  }
}

/** Does one job, with the generator that it names. */
export function runLoad(job: LoadJob): Promise<LoadOutcome> {
  return job.pace === 'saturate' && job.generator === 'autocannon' ? runAutocannon(job) : new Load(job).run();
}
