import type { WireConnection } from '../surface/wire-connection.ts';

/**
 * Sends each piece in a write of its own, and lets a server on this event loop read it before the next one: a loop takes what
 * has come between two `setImmediate`, and loopback delivers within the write. Ends when the peer has.
 */
export async function sendPieces(connection: WireConnection, pieces: readonly Buffer[]): Promise<void> {
  // A server needs one turn to take a new connection, and we may stand before the end of a turn ourselves.
  if (pieces.length > 1) for (let turns = 0; turns < 2; turns++) await endOfTurn();
  for (const piece of pieces) {
    if (!connection.open) return;
    connection.send(piece);
    if (pieces.length > 1) await endOfTurn();
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
