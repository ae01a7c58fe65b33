import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { Redis, type RedisOptions } from 'ioredis';

/** A process that is driven by signals to itself alone. */
export interface ServerProcess {
  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
  /** SIGKILL; every connection breaks and all data is lost. */
  kill(): Promise<void>;
  /** Starts it again on the same port; resolves when it accepts connections. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A connection of the test itself, which comes back soon when the server was away. */
export function openControl({ url }: Pick<RedisServer, 'url'>): Redis {
  const control = new Redis(url, { retryStrategy: () => 20 });
  control.on('error', () => undefined);
  return control;
}

/** A real `redis-server` or `valkey-server` on a free loopback port, empty and without persistence. */
export interface RedisServer extends ServerProcess {
  /** With the password, when there is one. */
  readonly url: string;
  readonly port: number;
}

/** How a test itself logs in to a server. */
export type ControlOptions = Pick<RedisOptions, 'username' | 'password' | 'tls'>;

export interface RedisStart {
  password?: string;
  /** Files in PEM; the server then speaks TLS alone, and wants a certificate from its clients. */
  tls?: { ca: string; cert: string; key: string };
  /** Further directives; they win. */
  args?: readonly string[];
}

export async function startRedis(binary: string, options: RedisStart = {}): Promise<RedisServer> {
  const { password, tls, args = [] } = options;
  const port = await freePort();
  const guarded = password === undefined ? [] : ['--requirepass', password];
  const listening = [
    '--bind',
    '127.0.0.1',
    ...(tls === undefined ? ['--port', String(port)] : tlsArgs(port, tls)),
  ];
  const memoryOnly = ['--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  const all = [...listening, ...memoryOnly, '--loglevel', 'notice', ...guarded, ...args];
  const process = await startServerProcess(binary, all, 'Ready to accept connections');
  const login = password === undefined ? '' : `:${password}@`;
  return { ...process, url: `redis${tls === undefined ? '' : 's'}://${login}127.0.0.1:${port}`, port };
}

function tlsArgs(port: number, { ca, cert, key }: NonNullable<RedisStart['tls']>): string[] {
  const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key];
  return ['--port', '0', '--tls-port', String(port), ...files];
}

/** Starts a server that says `readyText` when it is ready. */
export async function startServerProcess(
  binary: string,
  args: readonly string[],
  readyText: string,
): Promise<ServerProcess> {
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await saying(child, readyText);
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
  return {
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
    start,
    stop: () => end('SIGTERM'),
  };
}

/** Resolves at a line that holds the text; rejects with what was said when the process ends before. */
function saying(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        said.push(line);
        if (line.includes(text)) resolve();
      });
    }
    child.once('error', reject);
    child.once('exit', () =>
      reject(new Error(`${child.spawnfile} ended at its start: ${said.slice(-3).join(' ')}`)),
    );
  });
}

/** A port on which nobody listened a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('the probe socket has no port');
  return address.port;
}
