import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RawUpstream, startRawUpstream } from './raw-upstream.ts';
import { startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { askOnce } from './wire-connection.ts';

// Business transactions, whose outcome stands in the body of Odoo's answers.

let upstream: RawUpstream;
let surface: Surface;
let answer: string;
beforeEach(async () => {
  upstream = await startRawUpstream({ onData: ({ socket }) => void socket.end(answer) });
  surface = await startSurface({
    interactive: `endpoints: [{ url: "${upstream.url}", seats: 1 }], health: false`,
  });
});
afterEach(async () => {
  await surface.stop();
  await upstream.close();
});

const answerOf = (body: string): string =>
  `HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

function call(model: string, method: string) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 7, params: { model, method, args: [[7]], kwargs: {} } });
  return askOnce(
    surface.port,
    `POST /web/dataset/call_kw/x/y HTTP/1.1\r\n${hostField}Content-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

test('transactions are counted by their outcome, read from the answer', async () => {
  answer = answerOf('{"jsonrpc": "2.0", "id": 7, "result": true}');
  await call('stock.picking', 'button_validate');
  await call('stock.picking', 'read');
  answer = answerOf('{"jsonrpc": "2.0", "id": 7, "result": {"type": "ir.actions.act_window"}}');
  await call('stock.picking', 'button_validate');
  answer = answerOf('{"jsonrpc": "2.0", "id": 7, "error": {"code": 0}}');
  await call('account.move', 'action_post');
  answer = 'HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n{"jsonrpc": "2.0", "id": 7, "result": true';
  await call('account.move', 'action_post').catch(() => undefined);
  const { body } = await askOnce(surface.adminPort, 'GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n');
  const counted = body.split('\n').filter((line) => line.startsWith('bulkhead_transactions_total{'));
  const series = (name: string, outcome: string, count: number): string =>
    `bulkhead_transactions_total{transaction="${name}",zone="open",tenant="acme",outcome="${outcome}"} ${count}`;
  expect(counted.toSorted()).toEqual([
    series('invoice-posted', 'failed', 2),
    series('picking-validated', 'asked', 1),
    series('picking-validated', 'done', 1),
  ]);
  expect(body).toContain(
    'bulkhead_transaction_duration_seconds_count{transaction="picking-validated",zone="open"} 2\n',
  );
  expect(surface.requests().map(({ transaction, outcome }) => [transaction, outcome])).toEqual([
    ['picking-validated', 'done'],
    [undefined, undefined],
    ['picking-validated', 'asked'],
    ['invoice-posted', 'failed'],
    ['invoice-posted', 'failed'],
  ]);
});
