import cluster from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfiguration } from '../config/load.ts';
import { renderProblems } from '../config/problems.ts';
import type { Recording } from '../config/recording.ts';
import { startWorkerGateway, type WorkerGateway } from '../gateway/gateway.ts';
import type { Order, Report } from './messages.ts';

/** A primary that does not answer, or knows no `leave`, does not keep its worker. */
const leaveMs = 1_000;

type Start = Extract<Order, { kind: 'start' }>;

/** Runs one worker until its primary says that it may go, has gone itself, or the worker gets SIGTERM or SIGINT. */
export async function runWorker(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const self = cluster.worker;
  if (self === undefined) throw new TypeError('this process is no worker');
  // These are for the primary, which says what follows from them. A terminal sends them to all processes.
  process.on('SIGHUP', () => {});
  process.on('SIGUSR2', () => {});
  const end = new AbortController();
  process.once('SIGTERM', () => end.abort());
  process.once('SIGINT', () => end.abort());
  self.once('disconnect', () => {
    // Else `node:cluster` ends the process at once, and with it the requests in progress.
    self.exitedAfterDisconnect = true;
    end.abort();
  });

  const worker = new Worker(env, () => end.abort());
  process.on('message', (order: Order) => void worker.obey(order));
  tell({ kind: 'hello' });
  if (!end.signal.aborted) await once(end.signal, 'abort');
  await worker.end();
  self.exitedAfterDisconnect = true;
  if (process.connected) process.disconnect?.();
}

class Worker {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #onDrain: () => void;
  readonly #mayLeave = new AbortController();
  #starting: Promise<WorkerGateway | undefined> | undefined;
  #start: Start | undefined;

  constructor(env: Readonly<Record<string, string | undefined>>, onDrain: () => void) {
    this.#env = env;
    this.#onDrain = onDrain;
  }

  /** Orders that come during the start wait for its end. */
  async obey(order: Order): Promise<void> {
    switch (order.kind) {
      case 'start':
        this.#start = order;
        this.#starting = this.#open(order);
        return;
      case 'apply':
        this.#apply(order.recording, await this.#starting);
        return;
      case 'ask': {
        const gateway = await this.#starting;
        if (gateway === undefined) return;
        const value = order.about === 'metrics' ? await gateway.measure() : gateway.readiness();
        tell({ kind: 'answer', about: order.about, value });
        return;
      }
      case 'askLimits': {
        const gateway = await this.#starting;
        if (gateway === undefined) return;
        const answer = await gateway.answerAboutLimits(order.question);
        tell({ kind: 'limits', number: order.number, answer });
        return;
      }
      case 'drain':
        this.#onDrain();
        return;
      case 'leave':
        this.#mayLeave.abort();
        return;
      default:
        // From a primary of another release.
        return;
    }
  }

  async end(): Promise<void> {
    const gateway = await this.#starting;
    if (gateway === undefined) return;
    await gateway.stop();
    const metrics = await gateway.measure();
    if (!process.connected) return;
    process.once('disconnect', () => this.#mayLeave.abort());
    tell({ kind: 'drained', metrics });
    // Rejects when it may leave.
    await sleep(leaveMs, undefined, { signal: this.#mayLeave.signal }).catch(() => {});
  }

  async #open({ index, of, directory, recording }: Start): Promise<WorkerGateway | undefined> {
    try {
      const { configuration, problems, files } = this.#load(directory, recording, of);
      if (configuration === undefined)
        throw new Error(`the configuration is refused: ${renderProblems(problems)}`);
      const gateway = await startWorkerGateway({
        directory,
        env: this.#env,
        first: { configuration, recording, files, loadedAtMs: recording.nowMs },
        place: { index, of },
      });
      tell({ kind: 'listening', listening: gateway.listening });
      return gateway;
    } catch (error) {
      await tellAndWait({ kind: 'failed', cause: error instanceof Error ? error.message : String(error) });
      process.exit(1);
    }
  }

  #apply(recording: Recording, gateway: WorkerGateway | undefined): void {
    if (this.#start === undefined || gateway === undefined) return;
    const { configuration } = this.#load(this.#start.directory, recording, this.#start.of);
    // The primary has accepted it. A worker of another release that does not shows its old version in readiness.
    if (configuration !== undefined) gateway.apply(configuration);
  }

  #load(directory: string, recording: Recording, workers: number) {
    return loadConfiguration(directory, { env: this.#env, nowMs: recording.nowMs, recording, workers });
  }
}

function tell(report: Report): void {
  void tellAndWait(report);
}

/** Resolves when the report is on its way, or cannot be: a primary that has gone is told by `disconnect`. */
async function tellAndWait(report: Report): Promise<void> {
  await new Promise<void>((resolve) => {
    if (!process.connected || process.send === undefined) return resolve();
    process.send(report, undefined, undefined, () => resolve());
  });
}
