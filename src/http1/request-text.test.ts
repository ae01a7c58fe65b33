import { describe, expect, test } from 'vitest';
import type { BodySource } from './body-source.ts';
import { requestHead } from './request-text.ts';
import type { UpstreamRequest } from './upstream.ts';

const textOf = (
  change: Partial<UpstreamRequest> = {},
  connection?: 'close' | 'Upgrade',
): string | undefined =>
  requestHead(
    { method: 'GET', target: '/odoo?a=b', fields: ['host', 'a.example'], body: undefined, ...change },
    connection,
  );
const source = (length: number | undefined): BodySource => ({ length, start() {}, resume() {}, stop() {} });

describe('requestHead', () => {
  test('writes the parts in their order and nothing else', () => {
    expect(textOf({ fields: ['host', 'a.example', 'x-a', '', 'cookie', 'a=\xe9\tb', 'x-a', 'c'] })).toBe(
      'GET /odoo?a=b HTTP/1.1\r\nhost: a.example\r\nx-a: \r\ncookie: a=\xe9\tb\r\nx-a: c\r\n\r\n',
    );
  });

  test.each<[string, Partial<UpstreamRequest>, string, ('close' | 'Upgrade')?]>([
    ['no body', {}, ''],
    ['no body of a DELETE', { method: 'DELETE' }, ''],
    ['no body of a POST', { method: 'POST' }, 'content-length: 0\r\n'],
    ['no body of a PUT', { method: 'PUT' }, 'content-length: 0\r\n'],
    ['no body of a PATCH', { method: 'PATCH' }, 'content-length: 0\r\n'],
    ['a body of no bytes', { body: Buffer.alloc(0) }, 'content-length: 0\r\n'],
    ['a body', { body: Buffer.from('hello') }, 'content-length: 5\r\n'],
    ['a source of known length', { body: source(7) }, 'content-length: 7\r\n'],
    ['a source of unknown length', { body: source(undefined) }, 'transfer-encoding: chunked\r\n'],
    ['a connection that serves once', {}, 'connection: close\r\n', 'close'],
    ['a connection that is to become a tunnel', {}, 'connection: Upgrade\r\n', 'Upgrade'],
    [
      'both',
      { method: 'POST', body: Buffer.from('x') },
      'content-length: 1\r\nconnection: close\r\n',
      'close',
    ],
  ])('says of %s how it ends', (_, change, added, connection) => {
    expect(textOf(change, connection)).toBe(
      `${change.method ?? 'GET'} /odoo?a=b HTTP/1.1\r\nhost: a.example\r\n${added}\r\n`,
    );
  });

  test.each<Partial<UpstreamRequest>>([
    ...['', 'GE T', 'GET\r\n', 'GET\0', 'GÉT', 'G:T'].map((method) => ({ method })),
    ...['', '/a b', '/\r\nx: y', '/\n', '/\0', '/\t', '/\x7f', '/\u0430', '/ HTTP/1.1'].map((target) => ({
      target,
    })),
    ...['', 'x y', 'x\r\ny', 'x:', 'x\0', 'é', 'x '].map((name) => ({
      fields: ['host', 'a', name, 'v'],
    })),
    ...['a\r\nx: y', 'a\rb', 'a\nb', 'a\0', 'a\x01', 'a\x7f', '\u0430', '\u560a'].map((value) => ({
      fields: ['host', 'a', 'x', value],
    })),
    { fields: ['host', 'a\r\nx: y'] },
    { fields: [] },
    { fields: ['host', 'a', 'host', 'a'] },
    { fields: ['host', 'a', 'content-length', '5'] },
    { fields: ['host', 'a', 'transfer-encoding', 'chunked'] },
    { fields: ['host', 'a', 'connection', 'close'] },
  ])('does not write %j', (change) => {
    expect(textOf(change)).toBeUndefined();
  });
});
