import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** One connection from the gateway, with every byte that came on it. */
export interface RawConnection {
  readonly socket: Socket;
  /** Everything that has been read, one character per byte. */
  readonly text: string;
  readonly bytes: Buffer;
  readonly receivedBytes: number;
  /** The connection is gone, in whichever way. */
  readonly closed: boolean;
}

export interface RawUpstream {
  readonly url: string;
  /** Oldest first, those that are gone included. */
  readonly connections: readonly RawConnection[];
  close(): Promise<void>;
}

export interface RawHandlers {
  onConnection?(connection: RawConnection): void;
  onData?(connection: RawConnection): void;
}

/** An upstream that understands nothing: it keeps what came, and a test says what it does and when. */
export async function startRawUpstream({ onConnection, onData }: RawHandlers = {}): Promise<RawUpstream> {
  const connections: RawConnection[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const pieces: Buffer[] = [];
    let receivedBytes = 0;
    const connection: RawConnection = {
      socket,
      get text() {
        return this.bytes.toString('latin1');
      },
      get bytes() {
        return Buffer.concat(pieces);
      },
      get receivedBytes() {
        return receivedBytes;
      },
      get closed() {
        return socket.destroyed;
      },
    };
    connections.push(connection);
    socket.on('error', () => {});
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece);
      receivedBytes += piece.length;
      onData?.(connection);
    });
    onConnection?.(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    async close() {
      for (const { socket } of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What follows the first head. */
export function bodyOf({ bytes }: RawConnection): Buffer {
  const end = bytes.indexOf('\r\n\r\n');
  return end === -1 ? Buffer.alloc(0) : bytes.subarray(end + 4);
}
