import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { withoutRandomness } from './upstream-text.ts';

/** Requests with this in their target are not recorded. */
export const canaryMark = '?canary=';

export interface RecordingUpstream {
  readonly url: string;
  /** Everything that came for the client at this address, one text per connection; they are forgotten with that. */
  take(address: string): string[];
  /** What nobody has taken. */
  left(): string[];
  close(): Promise<void>;
}

/**
 * An upstream that reads no more of a request than where it ends, and keeps every byte of each connection. Its answer says
 * in `x-saw` which request it is for.
 */
export async function startRecordingUpstream(): Promise<RecordingUpstream> {
  const records = new Map<string, Recorded[]>();
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const recorded: Recorded = { text: '' };
    let answered = false;
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      if (recorded.text === '') queueMicrotask(() => file(recorded));
      recorded.text += bytes.toString('latin1');
      if (answered || !isComplete(recorded.text)) return;
      answered = true;
      answer(socket, recorded.text);
    });
  });

  /** By the address of the client, which only the gateway can have written: clients of these tests are not believed. */
  const file = (recorded: Recorded): void => {
    const { text } = recorded;
    if (text.includes(canaryMark)) return;
    const address = /\r\nx-forwarded-for: ([0-9.]+)\r\n/i.exec(text)?.[1] ?? 'unknown';
    const all = records.get(address);
    if (all === undefined) records.set(address, [recorded]);
    else all.push(recorded);
  };

  server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 });
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take(address) {
      const taken = records.get(address) ?? [];
      records.delete(address);
      return taken.map(({ text }) => withoutRandomness(text));
    },
    left: () => [...records.values()].flat().map(({ text }) => text),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Recorded {
  /** Grows as long as the connection stands. */
  text: string;
}

function isComplete(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return false;
  const head = text.slice(0, headEnd + 2);
  // The gateway never sends this; if it does, the record shall show all of it.
  if (/\r\ntransfer-encoding:/i.test(head)) return text.endsWith('0\r\n\r\n');
  const length = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? 0);
  return text.length >= headEnd + 4 + length;
}

function answer(socket: Socket, text: string): void {
  const key = /\r\nsec-websocket-key: (\S+)\r\n/i.exec(text)?.[1];
  if (key !== undefined) {
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    return;
  }
  const line = text.slice(0, text.indexOf(' HTTP/1.1\r\n'));
  const body = line.startsWith('HEAD ') ? '' : 'seen';
  socket.end(`HTTP/1.1 200 OK\r\nx-saw: ${line}\r\ncontent-length: 4\r\nconnection: close\r\n\r\n${body}`);
}
