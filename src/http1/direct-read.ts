// hot path: every byte of every client passes here.
import type { Socket } from 'node:net';

/**
 * Gives what is read from a socket to `onBytes` before it enters the buffer of its stream. To emit it from there costs as much as
 * to read the names of its head: the stream looks each time whether it is to read on, in a turn of a queue of its own. The socket
 * cannot be paused meanwhile, because pausing is done by that buffer.
 */
export function readDirectly(socket: Socket, onBytes: (bytes: Buffer) => void): void {
  socket.push = (bytes: Buffer | null): boolean => {
    if (bytes !== null) {
      onBytes(bytes);
      return true;
    }
    readThroughStream(socket);
    return socket.push(bytes);
  };
}

/** Makes the socket an ordinary stream again, for whoever wants to pause it or to give it away. */
export function readThroughStream(socket: Socket): void {
  Reflect.deleteProperty(socket, 'push');
}
