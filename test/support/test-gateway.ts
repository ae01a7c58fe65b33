import { join } from 'node:path';
import { startOdooGevent } from '../../src/demo/odoo-gevent.ts';
import { startOdooPrefork } from '../../src/demo/odoo-prefork.ts';
import { demoAudience, demoClients } from '../../src/demo/demo-clients.ts';
import { startOpenIdProvider } from '../../src/demo/openid-provider.ts';
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';

export { writeFiles } from './write-files.ts';

/** Directory of the example configuration. */
export const exampleDirectory = join(import.meta.dirname, '../../config');

/** A gateway on the example configuration, in front of stand-ins for Odoo and a small identity provider, all on free ports. */
export async function startTestGateway(options: { directory?: string; env?: Record<string, string> } = {}) {
  const interactive = await startOdooPrefork({ port: 0, workers: 4, name: 'interactive' });
  const batch = await startOdooPrefork({ port: 0, workers: 2, name: 'batch' });
  const websocket = await startOdooGevent({ port: 0 });
  const identity = await startOpenIdProvider({
    host: '127.0.0.1',
    port: 0,
    audience: demoAudience,
    clients: demoClients,
  });
  const logLines: Record<string, unknown>[] = [];
  const gateway = await startGateway({
    directory: options.directory ?? exampleDirectory,
    env: {
      BULKHEAD_PROXY: '127.0.0.1:0',
      BULKHEAD_FORWARD_AUTH: '127.0.0.1:0',
      BULKHEAD_ADMIN: '127.0.0.1:0',
      BULKHEAD_ISSUER: identity.issuer,
      ODOO_INTERACTIVE: interactive.url,
      ODOO_BATCH: batch.url,
      ODOO_WEBSOCKET: websocket.url,
      ...options.env,
    },
    logSink: { write: (text) => void logLines.push(...parseLines(text)) },
    watchIntervalMs: 0,
  });
  return {
    gateway,
    interactive,
    batch,
    websocket,
    identity,
    /** Log lines as objects, oldest first. */
    logLines,
    proxyPort: portOf(gateway, 'proxy'),
    forwardAuthPort: portOf(gateway, 'forwardAuth'),
    adminPort: portOf(gateway, 'admin'),
    async stop() {
      await gateway.stop();
      await Promise.all([interactive.close(), batch.close(), websocket.close(), identity.close()]);
    },
  };
}

export type TestGateway = Awaited<ReturnType<typeof startTestGateway>>;

export function portOf(gateway: Gateway, name: Gateway['listening'][number]['name']): number {
  const found = gateway.listening.find((listening) => listening.name === name);
  if (found === undefined) throw new TypeError(`"${name}" does not listen`);
  return found.port;
}

function parseLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
