import type { WebSocketRequest } from '../../src/http1/websocket.ts';

/** Joins a request for a WebSocket with an upstream; `heard` gets a word for whatever its listeners are told. */
export function joinTunnel(
  request: WebSocketRequest,
  { origin, key, heard }: { origin: string; key: string; heard: string[] },
): void {
  request.onClosed({ onClosed: () => heard.push('closed') });
  request.connect(
    {
      origin,
      target: '/websocket',
      fields: ['host', 'a.example', 'upgrade', 'websocket', 'sec-websocket-key', key],
      connectTimeoutMs: 10_000,
      timeoutMs: 10_000,
    },
    {
      onOpen: () => heard.push('open'),
      onDeclined: (status) => heard.push(`declined ${status}`),
      onFailure: (failure) => heard.push(failure),
      onStalled: (end) => heard.push(`${end} stalled`),
    },
  );
}
