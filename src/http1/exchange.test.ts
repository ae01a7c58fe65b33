import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WireConnection } from '../../test/surface/wire-connection.ts';
import { createHttpServer, type HttpServer } from './server.ts';
import { SpoolBudget } from './spool-file.ts';

let server: HttpServer;
let client: WireConnection;
let content: string | Buffer | undefined;
beforeEach(async () => {
  server = createHttpServer(
    {
      maxHeadBytes: 16 * 1024,
      maxFields: 100,
      maxTargetBytes: 8 * 1024,
      headTimeoutMs: 5_000,
      idleTimeoutMs: 5_000,
      bodyIdleMs: 5_000,
      writeStallMs: 5_000,
      spool: { memoryBytes: 1024, maxFileBytes: 0, directory: tmpdir(), budget: new SpoolBudget(0) },
    },
    {
      onExchange: (exchange) => exchange.answer(200, ['content-type', 'text/plain'], content),
      onMalformed: () => ({ status: 400, fields: [], body: '' }),
    },
  );
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  client = await WireConnection.open(port);
});
afterEach(() => {
  client.destroy();
  server.destroy();
});

const ask = (method: string): void => client.send(`${method} / HTTP/1.1\r\nHost: a.example\r\n\r\n`);

describe('a whole answer', () => {
  test.each<[string, string | Buffer | undefined]>([
    ['a text', 'plain text\r\nof two lines'],
    ['a text with letters of Latin-1', 'Grüße, à bientôt'],
    ['a text with other letters', 'žluťoučký kůň'],
    ['a text with what is two units long', 'a 😀 in it'],
    ['a text with half of that', 'half of it: \ud83d'],
    ['a text larger than a piece', 'x'.repeat(100_000)],
    ['bytes', Buffer.from([0, 0x7f, 0x80, 0xff])],
    ['an empty text', ''],
    ['nothing', undefined],
  ])('is %s in UTF-8, as long as its head says', async (_, given) => {
    content = given;
    ask('GET');
    ask('GET');
    const bytes = Buffer.from(given ?? '');
    for (let i = 0; i < 2; i++) {
      const { status, fields, body } = await client.answer();
      expect([status, fields['content-length'], fields['content-type']]).toEqual([
        200,
        String(bytes.length),
        'text/plain',
      ]);
      expect(Buffer.from(body, 'latin1')).toEqual(bytes);
    }
    expect(client.received).toBe('');
  });

  test('to HEAD has the length that its content would have, and no content', async () => {
    content = 'plain text';
    ask('HEAD');
    ask('HEAD');
    for (let i = 0; i < 2; i++) {
      const { fields, body } = await client.answer({ toHead: true });
      expect([fields['content-length'], body]).toEqual(['10', '']);
    }
    expect(client.received).toBe('');
  });
});
