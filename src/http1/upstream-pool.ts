// hot path: taking and giving back a connection is a pop and a push.
import { Deadlines } from './deadlines.ts';
import { type Peer, readOrigin } from './origin.ts';
import { type ConnectionHome, UpstreamConnection } from './upstream-connection.ts';

/** Coarse: nothing upstream is timed finer than this. */
const tickMs = 50;
const readBufferBytes = 64 * 1024;
const maxIdlePerOrigin = 256;

/** The connections of one client. How many are busy is bounded by the seats of its callers, not here. */
export class UpstreamPool {
  readonly #deadlines = new Deadlines(tickMs);
  readonly #readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
  readonly #origins = new Map<string, Origin>();
  readonly #open = new Set<UpstreamConnection>();
  #onEmpty: (() => void) | undefined;

  /** Sockets that are open, or being opened. */
  get connections(): number {
    return this.#open.size;
  }

  /**
   * A connection to `http://host:port`: the one that became idle last when `reuse` allows it, so that those beyond the need
   * grow old; else a new one. Undefined when the origin does not read.
   */
  take(url: string, reuse: boolean): UpstreamConnection | undefined {
    let origin = this.#origins.get(url);
    if (origin === undefined) {
      const peer = readOrigin(url);
      if (peer === undefined) return undefined;
      origin = new Origin(peer, this.#deadlines, this.#readBuffer, this.#open, () => this.#onClosed());
      this.#origins.set(url, origin);
    }
    return (reuse ? origin.idle.pop() : undefined) ?? origin.connect();
  }

  retain(urls: ReadonlySet<string>): void {
    for (const [url, origin] of this.#origins) {
      if (urls.has(url)) continue;
      this.#origins.delete(url);
      origin.retire();
    }
  }

  /** Destroys every connection; done when the last socket is closed. */
  close(): Promise<void> {
    for (const origin of this.#origins.values()) origin.retire();
    this.#origins.clear();
    for (const connection of this.#open) connection.abort();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#onClosed();
    });
  }

  #onClosed(): void {
    if (this.#open.size === 0) this.#onEmpty?.();
  }
}

/** The connections to one upstream. */
class Origin implements ConnectionHome {
  readonly deadlines: Deadlines;
  readonly readBuffer: Buffer;
  /** The one that became idle last is at the end. */
  readonly idle: UpstreamConnection[] = [];
  readonly #peer: Peer;
  readonly #open: Set<UpstreamConnection>;
  readonly #tellClosed: () => void;
  #retired = false;

  constructor(
    peer: Peer,
    deadlines: Deadlines,
    readBuffer: Buffer,
    open: Set<UpstreamConnection>,
    tellClosed: () => void,
  ) {
    this.#peer = peer;
    this.deadlines = deadlines;
    this.readBuffer = readBuffer;
    this.#open = open;
    this.#tellClosed = tellClosed;
  }

  connect(): UpstreamConnection {
    const connection = new UpstreamConnection(this, this.#peer);
    this.#open.add(connection);
    return connection;
  }

  /** Busy connections end with their answers. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.idle.splice(0)) connection.destroy();
  }

  onIdle(connection: UpstreamConnection): void {
    if (this.#retired || this.idle.length >= maxIdlePerOrigin) return connection.destroy();
    this.idle.push(connection);
  }

  onIdleLost(connection: UpstreamConnection): void {
    const index = this.idle.indexOf(connection);
    if (index !== -1) this.idle.splice(index, 1);
  }

  onClosed(connection: UpstreamConnection): void {
    this.#open.delete(connection);
    this.#tellClosed();
  }
}
