import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';

/** A real `redis-server` on a free loopback port, empty and without persistence, driven by signals to its own process. */
export interface RedisServer {
  /** With the password, when there is one. */
  readonly url: string;
  readonly port: number;
  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
  /** SIGKILL; every connection breaks and all data is lost. */
  kill(): Promise<void>;
  /** Starts it again on the same port; resolves when it accepts connections. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedis(binary: string, options: { password?: string } = {}): Promise<RedisServer> {
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const password = options.password === undefined ? [] : ['--requirepass', options.password];
    const network = ['--port', String(port), '--bind', '127.0.0.1'];
    const memoryOnly = ['--save', '', '--appendonly', 'no', '--dir', tmpdir()];
    child = spawn(binary, [...network, ...memoryOnly, '--loglevel', 'notice', ...password], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await accepting(child);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, 'exit');
    // A stopped server dies of SIGKILL as it is: woken first, it might still answer.
    if (signal !== 'SIGKILL') ending.kill('SIGCONT');
    ending.kill(signal);
    await exited;
  }

  await start();
  const login = options.password === undefined ? '' : `:${options.password}@`;
  return {
    url: `redis://${login}127.0.0.1:${port}`,
    port,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
    start,
    stop: () => end('SIGTERM'),
  };
}

/** Resolves at the line with which Redis says that it is ready; rejects with what it said when it ends before. */
function accepting(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        said.push(line);
        if (line.includes('Ready to accept connections')) resolve();
      });
    }
    child.once('error', reject);
    child.once('exit', () =>
      reject(new Error(`redis-server ended at its start: ${said.slice(-3).join(' ')}`)),
    );
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('the probe socket has no port');
  return address.port;
}
