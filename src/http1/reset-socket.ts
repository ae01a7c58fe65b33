import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * Ends a connection at once and so that its peer can tell it from an orderly end: by a reset, or in TLS by an end without
 * `close_notify`, behind which an answer without a length is not complete (RFC 8446 §6.1, RFC 9112 §9.8). Node cannot reset
 * below TLS, `resetAndDestroy` throws there; its `destroy` says no `close_notify`, and what the kernel has by then it goes
 * on offering until TCP gives up.
 */
export function resetSocket(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
