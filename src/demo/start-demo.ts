import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { demoAudience, demoClients } from './demo-clients.ts';
import { choosePort } from './free-port.ts';
import { startOdooGevent } from './odoo-gevent.ts';
import { startOdooPrefork } from './odoo-prefork.ts';
import { startOpenIdProvider } from './openid-provider.ts';
import type { DemoAddresses } from './steps.ts';

export interface Demo {
  addresses: DemoAddresses;
  /** Where the gateway writes its log. */
  logFile: string;
  /** Resolves with the exit code when the gateway ends by itself. */
  ended: Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts everything that the demo needs: two Odoo stand-ins and a WebSocket port, an identity provider, and the gateway as
 * a process of its own with the example configuration. Ports that are taken are replaced by free ones.
 */
export async function startDemo({
  directory,
  freePorts,
}: {
  directory: string;
  freePorts: boolean;
}): Promise<Demo> {
  const port = async (wanted: number): Promise<number> => choosePort(freePorts ? 0 : wanted);
  const interactive = await startOdooPrefork({
    port: await port(8069),
    workers: 4,
    name: 'odoo-interactive',
  });
  const batch = await startOdooPrefork({ port: await port(8070), workers: 2, name: 'odoo-batch' });
  const websocket = await startOdooGevent({ port: await port(8072) });
  const identity = await startOpenIdProvider({
    host: '127.0.0.1',
    port: await port(9400),
    audience: demoAudience,
    clients: demoClients,
  });
  const local = async (wanted: number): Promise<string> => `127.0.0.1:${await port(wanted)}`;
  const addresses: DemoAddresses = {
    proxy: await local(8080),
    forwardAuth: await local(8081),
    admin: await local(9901),
    issuer: identity.issuer,
    interactive: interactive.url,
    batch: batch.url,
    websocket: websocket.url,
  };
  const logFile = join(mkdtempSync(join(tmpdir(), 'bulkhead-demo-')), 'gateway.log');
  const gateway = startServe({ directory, addresses, logFile });
  const ended = new Promise<number>((resolve) => gateway.once('exit', (code) => resolve(code ?? 1)));
  const stop = async (): Promise<void> => {
    if (gateway.exitCode === null) gateway.kill('SIGTERM');
    await ended;
    await Promise.all([interactive.close(), batch.close(), websocket.close(), identity.close()]);
  };
  try {
    await waitUntilReady(addresses.admin, ended);
  } catch (error) {
    await stop();
    throw error;
  }
  return { addresses, logFile, ended, stop };
}

function startServe({
  directory,
  addresses,
  logFile,
}: {
  directory: string;
  addresses: DemoAddresses;
  logFile: string;
}): ChildProcess {
  const log = openSync(logFile, 'a');
  const main = process.argv[1] ?? '';
  const child = spawn(process.execPath, [main, 'serve', '--config', directory], {
    stdio: ['ignore', log, 'inherit'],
    // Ctrl-C reaches the whole group of a terminal; the gateway is told by us, so that it drains while the stand-ins live.
    detached: true,
    env: {
      ...process.env,
      BULKHEAD_PROXY: addresses.proxy,
      BULKHEAD_FORWARD_AUTH: addresses.forwardAuth,
      BULKHEAD_ADMIN: addresses.admin,
      BULKHEAD_TRUSTED_PROXY: '127.0.0.1/32',
      BULKHEAD_ISSUER: addresses.issuer,
      ODOO_INTERACTIVE: addresses.interactive,
      ODOO_BATCH: addresses.batch,
      ODOO_WEBSOCKET: addresses.websocket,
    },
  });
  closeSync(log);
  // Should this process be killed without a word, nothing may be left behind.
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

async function waitUntilReady(admin: string, ended: Promise<number>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const ready = await fetch(`http://${admin}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    const code = await Promise.race([ended, sleep(50)]);
    if (code !== undefined) throw new Error(`the gateway ended with exit code ${code} before it was ready`);
  }
  throw new Error('the gateway did not become ready within 10 s');
}
