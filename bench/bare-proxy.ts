import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import { announce } from './processes.ts';

// The floor: what a proxy costs that decides nothing, on the very transport that the gateway stands on. It takes hop-by-hop
// fields away in both directions and passes everything else on. `node bench/bare-proxy.ts UPSTREAM keep-alive|one-shot`.

const [upstream = '', connection = 'keep-alive'] = process.argv.slice(2);

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const pool = new Pool(upstream, {
  pipelining: 1,
  keepAliveTimeout: 4_000,
  keepAliveMaxTimeout: 60_000,
  allowH2: false,
});

class Forwarding implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = controller.rawHeaders as readonly Buffer[];
    const fields: string[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      const name = String(raw[i]);
      if (!hopByHop.has(name.toLowerCase())) fields.push(name, raw[i + 1]?.toString('latin1') ?? '');
    }
    this.#response.writeHead(status, fields);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => this.#controller?.resume());
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    if (this.#response.headersSent) this.#response.destroy();
    else this.#response.writeHead(502).end();
  }
}

function endToEndFields(request: IncomingMessage): string[] {
  const raw = request.rawHeaders;
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (!hopByHop.has(name)) fields.push(name, raw[i + 1] ?? '');
  }
  return fields;
}

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void {
  pool.dispatch(
    {
      method: request.method as Dispatcher.HttpMethod,
      path: request.url ?? '/',
      headers: endToEndFields(request),
      body,
      reset: connection === 'one-shot',
    },
    new Forwarding(response),
  );
}

const server = createServer({ noDelay: true }, (request, response) => {
  if (request.headers['content-length'] === undefined) return forward(request, response, null);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () =>
    forward(
      request,
      response,
      chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
    ),
  );
});
server.listen(0, '127.0.0.1', () => announce([(server.address() as AddressInfo).port]));
