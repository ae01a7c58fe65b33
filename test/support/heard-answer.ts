import type { BodyConsumer, BodySource } from '../../src/http1/body-source.ts';
import type {
  UpstreamCall,
  UpstreamClient,
  UpstreamFailure,
  UpstreamListener,
  UpstreamRequest,
} from '../../src/http1/upstream.ts';

/** What a listener heard of one request until it ended. */
export interface Heard {
  status: number | undefined;
  body: string;
  failure: UpstreamFailure | undefined;
}

/** One request that writes down what it hears; what comes after its end is a fault and throws. */
export class HeardAnswer implements UpstreamListener {
  readonly ended: Promise<Heard>;
  readonly heard: Heard = { status: undefined, body: '', failure: undefined };
  fields: string[] = [];
  call: UpstreamCall | undefined;
  /** Called within `onAnswer` and within each `onChunk`. */
  readonly #during: { onAnswer?(call: UpstreamCall): void; onChunk?(call: UpstreamCall): void };
  #end: (heard: Heard) => void = () => {};
  #over = false;

  constructor(during: { onAnswer?(call: UpstreamCall): void; onChunk?(call: UpstreamCall): void } = {}) {
    this.#during = during;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** A GET on a lasting connection with generous time-outs, unless `change` says otherwise. */
  send(client: UpstreamClient, request: Partial<UpstreamRequest> & { origin: string }): this {
    this.call = client.send(
      {
        method: 'GET',
        target: '/odoo',
        fields: ['host', 'a.example'],
        body: undefined,
        keepAlive: true,
        freshConnection: false,
        connectTimeoutMs: 10_000,
        timeoutMs: 10_000,
        ...request,
      },
      this,
    );
    return this;
  }

  onAnswer(status: number, fields: string[]): void {
    if (this.heard.status !== undefined) throw new Error('a second answer');
    this.#listen();
    this.heard.status = status;
    this.fields = fields;
    if (this.call !== undefined) this.#during.onAnswer?.(this.call);
  }

  onChunk(chunk: Buffer): void {
    if (this.heard.status === undefined) throw new Error('a body without an answer');
    this.#listen();
    this.heard.body += chunk.toString('latin1');
    if (this.call !== undefined) this.#during.onChunk?.(this.call);
  }

  onEnd(): void {
    this.#finish();
  }

  onFailure(failure: UpstreamFailure): void {
    this.heard.failure = failure;
    this.#finish();
  }

  #listen(): void {
    if (this.call === undefined) throw new Error('heard within send');
    if (this.#over) throw new Error('heard after the end');
  }

  #finish(): void {
    this.#listen();
    this.#over = true;
    this.#end(this.heard);
  }
}

/** A body that gives what the test tells it to, when it tells it to. */
export class ScriptedBody implements BodySource {
  readonly length: number | undefined;
  /** What was asked of it, in order. */
  readonly asked: string[] = [];
  readonly #onStart: (consumer: BodyConsumer) => void;
  readonly #onResume: (consumer: BodyConsumer) => void;
  #consumer: BodyConsumer | undefined;

  constructor(
    length: number | undefined,
    onStart: (consumer: BodyConsumer) => void = () => {},
    onResume: (consumer: BodyConsumer) => void = () => {},
  ) {
    this.length = length;
    this.#onStart = onStart;
    this.#onResume = onResume;
  }

  get consumer(): BodyConsumer {
    if (this.#consumer === undefined) throw new Error('the body was not started');
    return this.#consumer;
  }

  start(consumer: BodyConsumer): void {
    this.asked.push('start');
    this.#consumer = consumer;
    this.#onStart(consumer);
  }

  resume(): void {
    this.asked.push('resume');
    this.#onResume(this.consumer);
  }

  stop(): void {
    this.asked.push('stop');
  }
}
