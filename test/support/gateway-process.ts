import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const main = join(import.meta.dirname, '../../src/main.ts');

/** A `bulkhead` process of this checkout and everything that it prints. */
export class BulkheadProcess {
  readonly child: ChildProcess;
  /** Standard output so far. */
  out = '';
  /** Standard error so far. */
  err = '';
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [main, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
      this.#wake();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        resolve(code ?? signal ?? 'unknown');
        this.#wake();
      });
    });
  }

  /** The first match in what is printed, now or later; rejects when it has not come after `timeoutMs`. */
  async printed(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const match = pattern.exec(this.out) ?? pattern.exec(this.err);
      if (match !== null) return match;
      if (deadline.aborted || this.child.exitCode !== null) {
        throw new Error(`${String(pattern)} was not printed.\n--- out\n${this.out}\n--- err\n${this.err}`);
      }
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        deadline.addEventListener('abort', wake, { once: true });
      });
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends the process if it still runs; for `afterEach`. */
  async kill(): Promise<void> {
    if (this.child.exitCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** Runs `bulkhead` to its end. */
export async function runBulkhead(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | string; out: string; err: string }> {
  const run = new BulkheadProcess(args, env);
  const code = await run.ended;
  return { code, out: run.out, err: run.err };
}
