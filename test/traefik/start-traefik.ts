import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendOverTls } from './tls-exchange.ts';

const deployTraefik = join(import.meta.dirname, '../../deploy/traefik');
const readyWithinMs = 15_000;

export interface TraefikStart {
  binary: string;
  mode: 'inline' | 'forward-auth';
  /** What stands in the deployed files, and what the test has instead. Each must be there. */
  addresses: Readonly<Record<string, string>>;
  /** Weakens the static file on purpose, to show what holds without its help. */
  weaken?: (text: string) => string;
}

export interface RunningTraefik {
  /** TLS; Traefik's own certificate for every name. */
  port: number;
  /** Plain HTTP, which only redirects. */
  plainPort: number;
  pingPort: number;
  /** The static file that it runs on. */
  staticFile: string;
  /** What the process has said. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts a Traefik on the deployed files, in which only addresses, ports and paths are replaced; ready when it resolves. */
export async function startTraefik(start: TraefikStart): Promise<RunningTraefik> {
  const directory = mkdtempSync(join(tmpdir(), 'bulkhead-traefik-'));
  const { port, plainPort, pingPort } = await freePorts();
  const dynamicDirectory = join(directory, 'dynamic');
  const staticFile = join(directory, 'traefik.yaml');
  mkdirSync(dynamicDirectory);
  const dynamic = readFileSync(join(deployTraefik, `${start.mode}.yaml`), 'utf8');
  writeFileSync(join(dynamicDirectory, 'bulkhead.yaml'), replaceEach(dynamic, start.addresses));
  const fixed = replaceEach(readFileSync(join(deployTraefik, 'traefik.yaml'), 'utf8'), {
    "':443'": `'127.0.0.1:${port}'`,
    "':80'": `'127.0.0.1:${plainPort}'`,
    '127.0.0.1:8082': `127.0.0.1:${pingPort}`,
    '/etc/traefik/dynamic': dynamicDirectory,
  });
  writeFileSync(staticFile, start.weaken?.(fixed) ?? fixed);

  const child = spawn(start.binary, [`--configFile=${staticFile}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const traefik: RunningTraefik = {
    port,
    plainPort,
    pingPort,
    staticFile,
    output: () => output,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true });
    },
  };
  try {
    await untilRouting(traefik, () => child.exitCode !== null);
  } catch (error) {
    await traefik.stop();
    throw error;
  }
  return traefik;
}

/**
 * A gateway's refusal carries a request id; Traefik's own answers have none. The host is nobody's, so that asking spends
 * no budget.
 */
async function untilRouting(traefik: RunningTraefik, hasExited: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + readyWithinMs;
  while (performance.now() < deadlineMs && !hasExited()) {
    const answer = await sendOverTls(traefik.port, {
      target: '/',
      headers: { Host: 'nobody.example' },
    }).catch(() => undefined);
    if (answer?.fields['x-request-id'] !== undefined) return;
    await sleep(20);
  }
  throw new Error(`Traefik does not route to the gateway; it said:\n${traefik.output()}`);
}

/** Replaces every occurrence of each text; one that is missing means that the test no longer tests the deployed file. */
export function replaceEach(text: string, replacements: Readonly<Record<string, string>>): string {
  let replaced = text;
  for (const [from, to] of Object.entries(replacements)) {
    if (!replaced.includes(from)) throw new TypeError(`"${from}" is not in the deployed file`);
    replaced = replaced.replaceAll(from, to);
  }
  return replaced;
}

/** Traefik cannot tell which port it got for 0, so free ones are asked for first, all held until all are known. */
async function freePorts(): Promise<Pick<RunningTraefik, 'port' | 'plainPort' | 'pingPort'>> {
  const servers = [createServer(), createServer(), createServer()] as const;
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const [port, plainPort, pingPort] = [portOf(servers[0]), portOf(servers[1]), portOf(servers[2])];
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return { port, plainPort, pingPort };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
