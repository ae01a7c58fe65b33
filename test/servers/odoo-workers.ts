import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface OdooWorkers {
  /** Origins, one for each worker. */
  urls: readonly string[];
  /** Ends one at once, as Odoo's parent process does after `limit_time_real`. */
  kill(url: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts workers of Odoo, each a process with a port of its own that takes one request at a time. */
export async function startOdooWorkers(count: number): Promise<OdooWorkers> {
  const children = Array.from({ length: count }, (_, index) =>
    fork(join(import.meta.dirname, 'odoo-worker.ts'), [`worker-${index}`], { stdio: 'ignore' }),
  );
  const ports = await Promise.all(children.map((child) => once(child, 'message')));
  const byUrl = new Map<string, ChildProcess>(
    children.map((child, index) => [`http://127.0.0.1:${ports[index]?.[0]}`, child]),
  );
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return {
    urls: [...byUrl.keys()],
    async kill(url) {
      const child = byUrl.get(url);
      if (child === undefined) throw new Error(`no worker at ${url}`);
      await end(child);
    },
    async stop() {
      await Promise.all(children.map(end));
    },
  };
}
