import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions } from '../http1/connection-server.ts';
import { createHttpServer, type HttpServer, type HttpServerHandlers } from '../http1/server.ts';

/** A port that is open, as a user would write it. */
export interface Listening {
  name: 'proxy' | 'forwardAuth' | 'admin';
  host: string;
  port: number;
}

/** A way in, and where it is; undefined where the configuration gives it no address. */
export interface Surface {
  name: Listening['name'];
  address: { host: string; port: number } | undefined;
  handlers: () => HttpServerHandlers;
}

/** The open ports of one process. */
export class Listeners {
  readonly listening: Listening[] = [];
  readonly #servers: HttpServer[] = [];

  /** Rejects with the system's error for a port that cannot be opened. */
  async open({ name, address, handlers }: Surface, options: ConnectionOptions): Promise<void> {
    if (address === undefined) return;
    const server = createHttpServer(options, handlers());
    this.#servers.push(server);
    const { port } = await server.listen(address);
    this.listening.push({ name, host: address.host, port });
  }

  /** Takes no more requests and lets those in progress end; false when the time was over and the rest was cut off. */
  async drain(timeoutMs: number): Promise<boolean> {
    const drained = Promise.all(
      this.#servers.map((server) => server.drain({ tunnelSpreadMs: timeoutMs / 2 })),
    );
    const ended = await Promise.race([drained.then(() => true), sleep(timeoutMs, false, { ref: false })]);
    if (!ended) for (const server of this.#servers) server.destroy();
    return ended;
  }
}
