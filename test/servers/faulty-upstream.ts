import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** What the server does with its next connections; what is not said, it does not do. */
export interface Behaviour {
  /** A connection stands; nothing of it has been read. */
  onConnect?(socket: Socket): void;
  /** A head has come; its body may still be on its way. */
  onHead?(socket: Socket, head: string): void;
  /** A request has come whole. */
  onRequest?(socket: Socket, request: FaultyRequest): void;
}

export interface FaultyRequest {
  head: string;
  body: Buffer;
  /** How many requests came on this connection before. */
  earlier: number;
}

export interface FaultyUpstream {
  readonly url: string;
  /** Every request that came whole, oldest first, health probes included. */
  readonly requests: readonly FaultyRequest[];
  /** Connections so far. */
  readonly connections: number;
  /** From now on, also on connections that stand. */
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** An upstream that does exactly what a test tells it, byte by byte, however wrong that is. */
export async function startFaultyUpstream(): Promise<FaultyUpstream> {
  let behaviour: Behaviour = {};
  let connections = 0;
  const requests: FaultyRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    behaviour.onConnect?.(socket);
    let buffered = Buffer.alloc(0);
    let headSeen = false;
    let earlier = 0;
    socket.on('data', (data: Buffer) => {
      buffered = Buffer.concat([buffered, data]);
      for (;;) {
        const end = buffered.indexOf('\r\n\r\n');
        if (end === -1) return;
        const head = buffered.toString('latin1', 0, end + 4);
        if (!headSeen) {
          headSeen = true;
          behaviour.onHead?.(socket, head);
        }
        const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
        if (buffered.length < end + 4 + length) return;
        const request = { head, body: buffered.subarray(end + 4, end + 4 + length), earlier };
        buffered = buffered.subarray(end + 4 + length);
        headSeen = false;
        earlier++;
        requests.push(request);
        behaviour.onRequest?.(socket, request);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get connections() {
      return connections;
    },
    behave(next) {
      behaviour = next;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
