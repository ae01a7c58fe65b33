import { startTestGateway, type TestGateway } from '../support/test-gateway.ts';
import type { RawAnswer } from '../support/raw-http.ts';
import { type RunningTraefik, startTraefik } from './start-traefik.ts';
import { sendOverTls, type TlsRequest } from './tls-exchange.ts';

/** The two ways in which Traefik and the gateway stand together; each is one file in deploy/traefik. */
export const modes = ['inline', 'forward-auth'] as const;
export type Mode = (typeof modes)[number];

export interface BehindTraefik extends TestGateway {
  traefik: RunningTraefik;
  send(request: TlsRequest): Promise<RawAnswer>;
  /** Heads of everything that any stand-in for Odoo received, in no order. */
  receivedHeads(): string[];
  /** The newest head that contains this text. */
  receivedHead(text: string): string;
  /** Paths as the stand-ins for Odoo understood them, decoded; health checks left out. */
  receivedPaths(): string[];
  /** Sends a request and gives its access log line beside the answer. */
  sendLogged(request: TlsRequest): Promise<{ answer: RawAnswer; line: Record<string, unknown> }>;
}

/** A gateway before stand-ins for Odoo, and a real Traefik before it, on the deployed files. */
export async function startBehindTraefik(
  binary: string,
  options: {
    mode: Mode;
    directory?: string;
    env?: Record<string, string>;
    weaken?: (text: string) => string;
  },
): Promise<BehindTraefik> {
  const { mode, weaken, ...gatewayOptions } = options;
  const gateway = await startTestGateway(gatewayOptions);
  const { interactive, batch, websocket, logLines } = gateway;
  const addresses =
    mode === 'inline'
      ? { 'http://bulkhead:8080': `http://127.0.0.1:${gateway.proxyPort}` }
      : {
          'http://bulkhead:8081': `http://127.0.0.1:${gateway.forwardAuthPort}`,
          'http://odoo-interactive:8069': interactive.url,
          'http://odoo-batch:8069': batch.url,
          'http://odoo-interactive:8072': websocket.url,
        };
  let traefik: RunningTraefik;
  try {
    traefik = await startTraefik({ binary, mode, addresses, ...(weaken === undefined ? {} : { weaken }) });
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  const received = () => [interactive, batch, websocket].flatMap(({ requests }) => requests);
  const receivedHeads = (): string[] => received().map(({ head }) => head);
  const send = (request: TlsRequest): Promise<RawAnswer> => sendOverTls(traefik.port, request);
  return {
    ...gateway,
    traefik,
    send,
    receivedHeads,
    receivedHead(text) {
      const found = receivedHeads().findLast((head) => head.includes(text));
      if (found === undefined) throw new Error(`Odoo received nothing with "${text}"`);
      return found;
    },
    receivedPaths: () =>
      received()
        .map(({ request }) => request.path)
        .filter((path) => path !== '/web/health' && path !== '/websocket/health'),
    async sendLogged(request) {
      const before = logLines.length;
      const answer = await send(request);
      // The gateway runs in this process and writes the line in the turn in which it ends its answer.
      const line = logLines.slice(before).find((entry) => entry['msg'] === 'request');
      if (line === undefined) throw new Error(`no log line; the answer is ${JSON.stringify(answer)}`);
      return { answer, line };
    },
    async stop() {
      await traefik.stop();
      await gateway.stop();
    },
  };
}

/** Fields of a head as lower-case names and values, in their order. */
export function fieldsOf(head: string): [name: string, value: string][] {
  return head
    .split('\r\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
}

/** All values of a field. */
export function valuesOf(head: string, name: string): string[] {
  return fieldsOf(head)
    .filter(([field]) => field === name)
    .map(([, value]) => value);
}
