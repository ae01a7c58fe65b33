import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A wire between clients and one server, which a test can make long or cut without a word. */
export interface TcpProxy {
  readonly port: number;
  /** Each chunk takes this long on its way, in each direction, from now on. */
  delay(ms: number): void;
  /** Nothing arrives any more on connections that stand or are made, and neither side is told. */
  swallow(): void;
  /** Connections that are made from now on work; those that lost something stay silent for ever. */
  heal(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  let delayMs = 0;
  let swallowing = false;
  const sockets = new Set<Socket>();

  function pipe(from: Socket, to: Socket): void {
    let lost = false;
    const onTheWay: Buffer[] = [];
    from.on('data', (chunk: Buffer) => {
      lost ||= swallowing;
      if (lost) return;
      if (delayMs === 0 && onTheWay.length === 0) {
        to.write(chunk);
        return;
      }
      // Whichever timer ends first, the oldest chunk goes first.
      onTheWay.push(chunk);
      setTimeout(() => to.write(onTheWay.shift() ?? ''), delayMs);
    });
    from.on('close', () => {
      if (!swallowing && !lost) to.destroy();
    });
    from.on('error', () => undefined);
  }

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    pipe(client, upstream);
    pipe(upstream, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    delay(ms) {
      delayMs = ms;
    },
    swallow() {
      swallowing = true;
    },
    heal() {
      swallowing = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
