import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BodySource } from '../src/http1/body-source.ts';
import type { Exchange, ExchangeListener } from '../src/http1/exchange.ts';
import type {
  UpstreamCall,
  UpstreamClient,
  UpstreamFailure,
  UpstreamListener,
} from '../src/http1/upstream.ts';
import { announce } from './processes.ts';

// What our own engine costs without any policy: the job of bare-proxy.ts on `src/http1`, as it is built.
// `node bench/engine-proxy.ts UPSTREAM keep-alive|one-shot`.

const [upstream = '', connection = 'keep-alive'] = process.argv.slice(2);

const built = (name: string): string => join(import.meta.dirname, `../dist/http1/${name}.js`);
const { createHttpServer } = (await import(built('server'))) as typeof import('../src/http1/server.ts');
const { SpoolBudget } = (await import(built('spool-file'))) as typeof import('../src/http1/spool-file.ts');
const { createUpstreamClient } = (await import(
  built('upstream')
)) as typeof import('../src/http1/upstream.ts');

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
/** The engine says itself how long the body is that it sends. */
const requestFraming: ReadonlySet<string> = new Set([...hopByHop, 'content-length']);
const maxBodyBytes = 1024 * 1024;

/** One request on its way through: its own listener at both ends. */
class Passing implements ExchangeListener, UpstreamListener {
  readonly #exchange: Exchange;
  readonly #client: UpstreamClient;
  #call: UpstreamCall | undefined;
  #answering = false;
  #unsentBytes = NaN;
  #answered = false;

  constructor(exchange: Exchange, client: UpstreamClient) {
    this.#exchange = exchange;
    this.#client = client;
    exchange.listen(this);
  }

  start(): void {
    if (!this.#exchange.hasBody) return this.#forward(undefined);
    this.#exchange.collectBody({ maxBytes: maxBodyBytes }, (result) => {
      if (typeof result === 'string') this.#exchange.answer(400, [], undefined);
      else this.#forward(result);
    });
  }

  #forward(body: Buffer | BodySource | undefined): void {
    const { method, target, fields } = this.#exchange;
    this.#call = this.#client.send(
      {
        origin: upstream,
        method,
        target,
        fields: endToEnd(fields, requestFraming),
        body,
        keepAlive: connection === 'keep-alive',
        freshConnection: false,
        connectTimeoutMs: 5_000,
        timeoutMs: 60_000,
      },
      this,
    );
  }

  onAnswer(status: number, fields: string[]): void {
    const kept = endToEnd(fields, hopByHop);
    for (let i = 0; i < kept.length; i += 2)
      if (kept[i] === 'content-length') this.#unsentBytes = Number(kept[i + 1]);
    this.#answering = true;
    this.#exchange.startAnswer(status, kept);
  }

  onChunk(chunk: Buffer): void {
    this.#unsentBytes -= chunk.length;
    // As the gateway does: the last bytes and the end go out together.
    if (this.#unsentBytes === 0) this.#finish(chunk);
    else if (!this.#exchange.sendChunk(chunk)) this.#call?.pause();
  }

  onEnd(): void {
    this.#finish(undefined);
  }

  #finish(lastChunk: Buffer | undefined): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#exchange.finishAnswer(lastChunk);
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.#answering) this.#exchange.abortAnswer();
    else this.#exchange.answer(502, [], failure);
  }

  onDrain(): void {
    this.#call?.resume();
  }

  onAnswered(): void {}

  onGone(): void {
    this.#call?.abort();
  }
}

/** Names are in lower case on both sides. */
function endToEnd(fields: readonly string[], dropped: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (!dropped.has(name)) kept.push(name, fields[i + 1] ?? '');
  }
  return kept;
}

const client = createUpstreamClient();
const server = createHttpServer(
  {
    maxHeadBytes: 16 * 1024,
    maxFields: 100,
    maxTargetBytes: 8 * 1024,
    headTimeoutMs: 10_000,
    idleTimeoutMs: 60_000,
    bodyIdleMs: 10_000,
    writeStallMs: 30_000,
    // Nothing here is so large or so slow that it goes to a disk.
    spool: { memoryBytes: maxBodyBytes, maxFileBytes: 0, directory: tmpdir(), budget: new SpoolBudget(0) },
  },
  {
    onExchange: (exchange) => new Passing(exchange, client).start(),
    onMalformed: () => ({ status: 400, fields: [], body: '' }),
  },
);
const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
announce([port]);
