import { connect, type Socket } from 'node:net';

/** A final answer, read strictly: its end was found by the rules of RFC 9112 §6.3. */
export interface WireAnswer {
  status: number;
  /** Lower-case names; repeated fields joined with `, `. */
  fields: Record<string, string>;
  /** One character per byte. */
  body: string;
  /** 1xx answers that came before it. */
  interim: number[];
}

/** How long anything may take before a test calls it hanging. */
export const deadlineMs = 5_000;

/**
 * A connection of a client that sends what it likes and reads answers one by one. An answer that breaks off is an error,
 * and so is one that does not come: nothing that a test waits for can hang.
 */
export class WireConnection {
  readonly socket: Socket;
  #received = '';
  #state: 'open' | 'ended' | 'reset' = 'open';
  readonly #changed = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('connect', () => this.#notify());
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#notify();
    });
    socket.on('end', () => {
      if (this.#state === 'open') this.#state = 'ended';
      this.#notify();
    });
    socket.on('error', () => {
      this.#state = 'reset';
      this.#notify();
    });
    socket.on('close', () => {
      if (this.#state === 'open') this.#state = 'ended';
      this.#notify();
    });
  }

  static async open(
    port: number,
    { allowHalfOpen = false, localAddress }: { allowHalfOpen?: boolean; localAddress?: string } = {},
  ): Promise<WireConnection> {
    const socket = connect({
      port,
      host: '127.0.0.1',
      allowHalfOpen,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const connection = new WireConnection(socket);
    await connection.#until(() => !socket.connecting, 'a connection');
    return connection;
  }

  /** What has come and belongs to no answer yet. */
  get received(): string {
    return this.#received;
  }

  /** Whether more can be sent: the peer has not ended its side. */
  get open(): boolean {
    return this.#state === 'open';
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next final answer. `toHead` when it answers HEAD and therefore has no body. */
  async answer({ toHead = false, waitMs = deadlineMs } = {}): Promise<WireAnswer> {
    let found: { answer: WireAnswer; length: number } | undefined;
    await this.#until(
      () => {
        found = readAnswer(this.#received, { toHead, ended: this.#state === 'ended' });
        return found !== undefined || this.#state !== 'open';
      },
      'an answer',
      waitMs,
    );
    if (found === undefined) {
      throw new Error(
        `the connection was ${this.#state} within ${JSON.stringify(this.#received.slice(0, 300))}`,
      );
    }
    this.#received = this.#received.slice(found.length);
    return found.answer;
  }

  /** Waits until the peer has closed, and tells how. */
  async closed(waitMs = deadlineMs): Promise<'ended' | 'reset'> {
    await this.#until(() => this.#state !== 'open', 'the end of the connection', waitMs);
    return this.#state === 'reset' ? 'reset' : 'ended';
  }

  /** Waits until something has come that `seen` accepts. */
  async until(seen: (received: string) => boolean, waitMs = deadlineMs): Promise<string> {
    await this.#until(() => seen(this.#received), 'certain bytes', waitMs);
    return this.#received;
  }

  destroy(): void {
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  #notify(): void {
    for (const check of this.#changed) check();
  }

  #until(condition: () => boolean, what: string, waitMs = deadlineMs): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#changed.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#changed.delete(check);
        const seen = JSON.stringify(this.#received.slice(0, 300));
        reject(new Error(`${what} did not come within ${waitMs} ms; received ${seen}`));
      }, waitMs);
      this.#changed.add(check);
      check();
    });
  }
}

/** Sends one request on a connection of its own and reads its answer. */
export async function askOnce(
  port: number,
  request: string,
  options?: { toHead: boolean },
): Promise<WireAnswer> {
  const connection = await WireConnection.open(port);
  try {
    connection.send(request);
    return await connection.answer(options);
  } finally {
    connection.destroy();
  }
}

/** The reason code of a refusal, from whichever form its body has; undefined for anything else. */
export function reasonOf(answer: WireAnswer): string | undefined {
  return /"reason":"([a-z_]+)"/.exec(answer.body)?.[1];
}

/** The first final answer in a text with the number of characters up to its end; undefined while it is not complete. */
function readAnswer(
  text: string,
  { toHead, ended }: { toHead: boolean; ended: boolean },
): { answer: WireAnswer; length: number } | undefined {
  const interim: number[] = [];
  let at = 0;
  for (;;) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd === -1) return undefined;
    const { status, fields } = readHead(text.slice(at, headEnd));
    const bodyAt = headEnd + 4;
    if (status < 200 && status !== 101) {
      interim.push(status);
      at = bodyAt;
      continue;
    }
    const hasBody = !toHead && status !== 101 && status !== 204 && status !== 304;
    const body = hasBody ? readBody(text, { bodyAt, fields, ended }) : { body: '', end: bodyAt };
    if (body === undefined) return undefined;
    return { answer: { status, fields, body: body.body, interim }, length: body.end };
  }
}

function readHead(head: string): { status: number; fields: Record<string, string> } {
  const [line = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.[01] ([1-9]\d\d)( |$)/.exec(line)?.[1];
  if (status === undefined) throw new Error(`${JSON.stringify(line)} is no status line`);
  const fields: Record<string, string> = {};
  for (const text of lines) {
    const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(text) ?? [];
    if (name === '') throw new Error(`${JSON.stringify(text)} is no field line`);
    const lower = name.toLowerCase();
    fields[lower] = fields[lower] === undefined ? value : `${fields[lower]}, ${value}`;
  }
  return { status: Number(status), fields };
}

function readBody(
  text: string,
  { bodyAt, fields, ended }: { bodyAt: number; fields: Record<string, string>; ended: boolean },
): { body: string; end: number } | undefined {
  const length = fields['content-length'];
  if (fields['transfer-encoding'] !== undefined) {
    if (length !== undefined) throw new Error('the answer has Content-Length beside Transfer-Encoding');
    return readChunks(text, bodyAt);
  }
  if (length !== undefined) {
    if (!/^\d+$/.test(length)) throw new Error(`"${length}" is no Content-Length`);
    const end = bodyAt + Number(length);
    return text.length < end ? undefined : { body: text.slice(bodyAt, end), end };
  }
  return ended ? { body: text.slice(bodyAt), end: text.length } : undefined;
}

function readChunks(text: string, from: number): { body: string; end: number } | undefined {
  let body = '';
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const line = text.slice(at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`${JSON.stringify(line)} is no chunk size`);
    const size = Number.parseInt(line, 16);
    const end = lineEnd + 2 + size + 2;
    if (text.length < end) return undefined;
    if (text.slice(end - 2, end) !== '\r\n') throw new Error('a chunk has no end');
    if (size === 0) return { body, end };
    body += text.slice(lineEnd + 2, end - 2);
    at = end;
  }
}
