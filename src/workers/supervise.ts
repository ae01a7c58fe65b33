import { setTimeout as sleep } from 'node:timers/promises';
import { createAdmin, type Readiness } from '../admin/admin.ts';
import type { LimitProcesses } from '../admin/limit-questions.ts';
import { ConfigurationKeeper, type GoodLoad } from '../config/keeper.ts';
import type { Recording } from '../config/recording.ts';
import type { GatewayOptions } from '../config/schema.ts';
import { serverOptions } from '../config/server-options.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Listening } from '../gateway/listeners.ts';
import { systemClock } from '../core/clock.ts';
import { createHttpServer, type HttpServer } from '../http1/server.ts';
import { SpoolBudget } from '../http1/spool-file.ts';
import { MetricTotals, readRegistry } from '../telemetry/aggregate.ts';
import { createLogs, flushLogs, type Logs } from '../telemetry/log.ts';
import { createPrimaryMetrics, type PrimaryMetrics } from '../telemetry/primary-metrics.ts';
import { Crew } from './crew.ts';
import { describeCrew } from './describe-crew.ts';
import type { WorkerProcess } from './worker-process.ts';

export interface SupervisionStart {
  /** Configuration directory. */
  directory: string;
  env: Readonly<Record<string, string | undefined>>;
  first: GoodLoad;
}

/** A gateway of several processes, as its primary has it in hand. */
export interface Supervision extends Gateway {
  /** Puts new processes in the place of the workers, one by one, with the program as it is on disk now. */
  replaceWorkers(): Promise<void>;
  /** Resolves, with the cause, when workers cannot be kept alive. */
  failed: Promise<string>;
}

/** A worker that is asked about itself is waited for this long. */
const answerMs = 1_000;
/** An operator's question waits for the store, which is given a second. */
const limitAnswerMs = 2_500;
/** What a draining worker gets beyond its drain times before it is killed. */
const killGraceMs = 5_000;
/** Connections to the admin listener are of no account at the end. */
const adminDrainMs = 1_000;

/**
 * Runs `workers` processes behind the listeners. This process, the primary, serves no request: it looks after configuration,
 * workers and the admin listener, which speaks for all of them. Rejects when a port cannot be opened.
 */
export async function superviseWorkers(start: SupervisionStart): Promise<Supervision> {
  const primary = new Primary(start);
  await primary.open();
  return primary;
}

class Primary implements Supervision {
  readonly listening: Listening[] = [];
  readonly failed: Promise<string>;
  readonly #directory: string;
  readonly #gateway: GatewayOptions;
  readonly #logs: Logs;
  readonly #metrics: PrimaryMetrics;
  readonly #totals = new MetricTotals();
  readonly #keeper: ConfigurationKeeper;
  readonly #crew: Crew;
  readonly #admin: HttpServer;
  #giveUp: (cause: string) => void = () => {};
  #onComplete: () => void = () => {};
  #draining = false;

  constructor({ directory, env, first }: SupervisionStart) {
    const { gateway } = first.configuration;
    this.#directory = directory;
    this.#gateway = gateway;
    this.#logs = createLogs(gateway.telemetry.level, { writer: { process: 'primary' } });
    this.#metrics = createPrimaryMetrics(() => this.#crew.serving().length);
    this.#metrics.configFresh.set(1);
    this.failed = new Promise((resolve) => {
      this.#giveUp = resolve;
    });
    this.#keeper = new ConfigurationKeeper({
      directory,
      env,
      first,
      log: this.#logs.events,
      apply: (_configuration, recording) => this.#apply(recording),
      onReload: (result) => {
        this.#metrics.reloads.inc({ result });
        this.#metrics.configFresh.set(result === 'applied' ? 1 : 0);
      },
    });
    this.#crew = new Crew(gateway.workers, {
      onHello: (worker) => this.#welcome(worker),
      onListening: (worker) => this.#onListening(worker),
      onDeath: (worker, delayMs) => this.#onDeath(worker, delayMs),
      onEnd: (worker) => this.#totals.end(worker.lastMetrics),
      onKill: ({ index, pid }) =>
        this.#logs.events.warn(
          { worker: index + 1, pid },
          'a worker did not end in its time, and is killed with what it has in hand',
        ),
      onGiveUp: (cause) => this.#giveUp(`the workers end while they start: ${cause}`),
    });
    this.#admin = createHttpServer(
      serverOptions(gateway.http, new SpoolBudget(gateway.http.spool.total)),
      createAdmin({
        readiness: () => this.#readiness(),
        metrics: () => this.#text(),
        limits: {
          scope: () => this.#keeper.current.snapshot,
          token: () => this.#keeper.current.gateway.admin.token,
          processes: this.#limitProcesses(),
          audit: this.#logs.audit,
          clock: systemClock,
          onChange: (action, outcome) => this.#metrics.adminChanges.inc({ action, outcome }),
        },
        onFailure: (what, error) => this.#logs.events.error({ err: error }, `${what} could not be read`),
      }),
    );
  }

  async open(): Promise<void> {
    const { admin } = this.#gateway.listeners;
    const { port } = await this.#admin.listen(admin);
    const complete = new Promise<void>((resolve) => {
      this.#onComplete = resolve;
    });
    this.#crew.start();
    const cause = await Promise.race([complete, this.failed]);
    if (cause !== undefined) {
      this.#admin.destroy();
      await this.#crew.close(0);
      await flushLogs(this.#logs);
      throw new Error(cause);
    }
    const [worker] = this.#crew.serving();
    this.listening.push(...(worker?.listening ?? []), { name: 'admin', host: admin.host, port });
    const { workers } = this.#gateway;
    this.#logs.events.info({ listening: this.listening, version: this.version(), workers }, 'listening');
    this.#keeper.watch(1000);
  }

  version(): string {
    return this.#keeper.version;
  }

  // oxlint-disable-next-line require-await -- a reload is a promise for its callers, whatever it waits for inside
  async reload(): Promise<boolean> {
    return this.#keeper.reload();
  }

  async replaceWorkers(): Promise<void> {
    const { events } = this.#logs;
    events.info('replacing the workers');
    const cause = await this.#crew.change(this.#drainMs());
    if (cause === undefined) events.info('the workers are replaced');
    else events.error({ cause }, 'not all workers are replaced; those that are not go on');
  }

  async stop(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.#keeper.close();
    const { delay, timeout } = this.#gateway.drain;
    this.#logs.events.info({ delayMs: delay, timeoutMs: timeout }, 'draining');
    await this.#crew.close(this.#drainMs());
    await Promise.race([this.#admin.drain(), sleep(adminDrainMs)]);
    this.#admin.destroy();
    this.#logs.events.info('stopped');
    await flushLogs(this.#logs);
  }

  #drainMs(): number {
    const { delay, timeout } = this.#gateway.drain;
    return delay + timeout + killGraceMs;
  }

  /** Every worker has the configuration that is in force here, whatever lies on disk by now. */
  #welcome(worker: WorkerProcess): void {
    const { recording } = this.#keeper;
    const { workers } = this.#gateway;
    worker.tell({ kind: 'start', index: worker.index, of: workers, directory: this.#directory, recording });
  }

  #apply(recording: Recording): void {
    for (const worker of this.#crew.workers) worker.tell({ kind: 'apply', recording });
  }

  #onListening(worker: WorkerProcess): void {
    this.#logs.events.info({ worker: worker.index + 1, pid: worker.pid }, 'a worker takes requests');
    if (this.#crew.isComplete()) this.#onComplete();
  }

  #onDeath({ index, pid, cause, failure }: WorkerProcess, delayMs: number): void {
    // What keeps one from starting now, such as a port that is taken, keeps all of them.
    if (failure !== undefined && this.listening.length === 0) return this.#giveUp(failure);
    this.#metrics.workerRestarts.inc();
    this.#logs.events.error(
      { worker: index + 1, pid, cause, delayMs },
      'a worker has died; another one takes its place',
    );
  }

  #readiness(): Promise<Readiness> {
    return describeCrew([...this.#crew.workers], {
      configuration: this.#keeper.describe(),
      version: this.version(),
      draining: this.#draining,
      expected: this.#gateway.workers,
      answerMs,
    });
  }

  #limitProcesses(): LimitProcesses {
    return {
      askAll: async (question) => {
        const workers = [...this.#crew.workers].toSorted((a, b) => a.index - b.index);
        const answers = await Promise.all(
          workers.map((worker) => worker.askAboutLimits(question, limitAnswerMs)),
        );
        return answers.filter((answer) => answer !== undefined);
      },
      askOne: async (question) => {
        const worker = await this.#firstToAnswer();
        return await worker?.askAboutLimits(question, limitAnswerMs);
      },
    };
  }

  /** A worker that takes requests and is not hung: what is asked of one that hangs may be done much later. */
  async #firstToAnswer(): Promise<WorkerProcess | undefined> {
    const answering = this.#crew.serving().map(async (worker) => {
      if ((await worker.ask('readiness', answerMs)) === undefined) throw new Error('it does not answer');
      return worker;
    });
    return await Promise.any(answering).catch(() => undefined);
  }

  /** A worker that does not answer in time counts with what it had counted when it was last asked. */
  async #text(): Promise<{ contentType: string; text: string }> {
    const workers = [...this.#crew.workers];
    await Promise.all(workers.map((worker) => worker.ask('metrics', answerMs)));
    const own = await readRegistry(this.#metrics.registry);
    // Who ended while we waited is in the totals; nothing is awaited between this look and the sum.
    const readings = [...this.#crew.workers].map(({ lastMetrics }) => lastMetrics);
    return this.#totals.text([own, ...readings]);
  }
}
