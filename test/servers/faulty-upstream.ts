import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** What the server does with its next connections; what is not said, it does not do. */
export interface Behaviour {
  /** A connection stands; nothing of it has been read. */
  onConnect?(socket: Socket): void;
  /** A head has come; its body may still be on its way. */
  onHead?(socket: Socket, head: string): void;
  /** A part of a body has come, and the rest has not. */
  onBody?(socket: Socket): void;
  /** A request has come whole. */
  onRequest?(socket: Socket, request: FaultyRequest): void;
  /** A connection is gone, whoever ended it. */
  onClose?(socket: Socket): void;
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
  /** Connections that stand now. */
  readonly open: number;
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
    socket.on('close', () => {
      sockets.delete(socket);
      behaviour.onClose?.(socket);
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    behaviour.onConnect?.(socket);
    let head: string | undefined;
    let earlier = 0;
    let pieces: Buffer[] = [];
    let buffered = 0;
    /** Bytes that must be there before anything can be told from them. */
    let needed = 4;
    const take = (): Buffer => {
      const bytes = Buffer.concat(pieces);
      pieces = [];
      buffered = 0;
      return bytes;
    };
    const putBack = (bytes: Buffer): void => {
      pieces = [bytes];
      buffered = bytes.length;
    };
    socket.on('data', (data: Buffer) => {
      pieces.push(data);
      buffered += data.length;
      while (buffered >= needed) {
        const bytes = take();
        if (head === undefined) {
          const end = bytes.indexOf('\r\n\r\n');
          putBack(bytes.subarray(end === -1 ? 0 : end + 4));
          if (end === -1) return;
          head = bytes.toString('latin1', 0, end + 4);
          needed = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
          behaviour.onHead?.(socket, head);
          continue;
        }
        const request = { head, body: bytes.subarray(0, needed), earlier };
        putBack(bytes.subarray(needed));
        head = undefined;
        needed = 4;
        earlier++;
        requests.push(request);
        behaviour.onRequest?.(socket, request);
      }
      if (head !== undefined && buffered > 0) behaviour.onBody?.(socket);
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
    get open() {
      return sockets.size;
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
