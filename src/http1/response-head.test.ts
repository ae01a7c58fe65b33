import { describe, expect, test } from 'vitest';
import { mayBecomeHead, readResponseHead, type ResponseHead } from './response-head.ts';

const plain: ResponseHead = { status: 200, fields: [], framing: 'until-end', length: 0, idleMs: 0 };
const lines = (...fields: string[]): string => ['HTTP/1.1 200 OK', ...fields].join('\r\n');

describe('readResponseHead', () => {
  test.each<[string, Partial<ResponseHead>]>([
    ['HTTP/1.1 200 OK', {}],
    ['HTTP/1.0 200 OK', {}],
    ['HTTP/1.1 200 ', {}],
    ['HTTP/1.1 200', {}],
    ['HTTP/1.1 200  \t two  words \xe9', {}],
    ['HTTP/1.1 599 ', { status: 599 }],
    ['HTTP/1.1 100 Continue', { status: 100, framing: 'length', idleMs: 4000 }],
    ['HTTP/1.1 204 No Content', { status: 204, framing: 'length', idleMs: 4000 }],
    ['HTTP/1.1 304 Not Modified', { status: 304, framing: 'length', idleMs: 4000 }],
    [
      'HTTP/1.1 200 OK\r\nX-Long: \t a  b\t \r\nx-empty:\r\nX-Long:c\xff',
      { fields: ['x-long', 'a  b', 'x-empty', '', 'x-long', 'c\xff'] },
    ],
  ])('reads %j', (text, expected) => {
    expect(readResponseHead(text, false)).toEqual({ ...plain, ...expected });
  });

  test.each<[string[], Partial<ResponseHead>]>([
    [['Content-Length: 5'], { framing: 'length', length: 5, idleMs: 4000 }],
    [['CONTENT-LENGTH:0'], { framing: 'length', length: 0, idleMs: 4000 }],
    [['Content-Length: 005'], { framing: 'length', length: 5, idleMs: 4000 }],
    [['Content-Length: 999999999999999'], { framing: 'length', length: 999_999_999_999_999, idleMs: 4000 }],
    [['Transfer-Encoding: chunked'], { framing: 'chunked', idleMs: 4000 }],
    [['transfer-encoding: Chunked'], { framing: 'chunked', idleMs: 4000 }],
    [['Transfer-Encoding: chunked', 'Connection: close'], { framing: 'chunked', idleMs: 0 }],
    [['Content-Length: 5', 'Connection: close'], { framing: 'length', length: 5, idleMs: 0 }],
    [['Content-Length: 5', 'Connection: x, CLOSE ,y'], { framing: 'length', length: 5, idleMs: 0 }],
    [['Content-Length: 5', 'Connection: keep-alive'], { framing: 'length', length: 5, idleMs: 4000 }],
    [['Content-Length: 5', 'Connection: closed'], { framing: 'length', length: 5, idleMs: 4000 }],
    [['Connection: keep-alive'], { framing: 'until-end', idleMs: 0 }],
  ])('finds the end of the body and of the connection in %j', (fields, expected) => {
    expect(readResponseHead(lines(...fields), false)).toMatchObject(expected);
  });

  test.each([
    ['timeout=5', 4000],
    ['timeout=4', 3000],
    ['max=9, Timeout=3', 2000],
    ['timeout=1', 0],
    ['timeout=0', 0],
    ['timeout=x', 0],
    ['timeout=99999999999999999', 0],
    ['timeout=3600', 4000],
    ['max=100', 4000],
  ])('allows an idle connection with Keep-Alive: %s for %d ms', (value, idleMs) => {
    expect(readResponseHead(lines('Content-Length: 0', `Keep-Alive: ${value}`), false)).toMatchObject({
      idleMs,
    });
  });

  test.each([
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5',
    'HTTP/1.0 200 OK\r\nKeep-Alive: timeout=30\r\nContent-Length: 5',
  ])('never uses a connection of HTTP/1.0 again: %j', (text) => {
    expect(readResponseHead(text, false)).toMatchObject({ framing: 'length', length: 5, idleMs: 0 });
  });

  test.each([['Content-Length: 5'], ['Transfer-Encoding: chunked'], ['X: y']])(
    'expects no body behind %j when there is none by definition',
    (field) => {
      const bodiless = { framing: 'length', length: 0, idleMs: 4000 };
      expect(readResponseHead(lines(field), true)).toMatchObject(bodiless);
      for (const status of [100, 103, 204, 304])
        expect(readResponseHead(`HTTP/1.1 ${status} X\r\n${field}`, false)).toMatchObject(bodiless);
    },
  );

  test.each([
    '',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 20',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    ' HTTP/1.1 200 OK',
    '\r\nHTTP/1.1 200 OK',
    'http/1.1 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/01.1 200 OK',
    'HTTP/0.9 200 OK',
    'ICY 200 OK',
    'HTTP/1.1 000 X',
    'HTTP/1.1 099 X',
    'HTTP/1.1 600 X',
    'HTTP/1.1 999 X',
    'HTTP/1.1 2000 X',
    'HTTP/1.1 2x0 X',
    'HTTP/1.1 +20 X',
    'HTTP/1.1 -20 X',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.1 200 O\nX: y',
    'HTTP/1.1 200 O\x7fK',
    'HTTP/1.1 20\r\nX: 0',
    ...[
      'X',
      ': y',
      'X : y',
      'X\t: y',
      ' X: y',
      'X y: z',
      'X: y\r\n folded',
      'X: y\rz',
      'X: y\nz: a',
      'X: y\0',
      'X: y\x01',
      'X: y\x7f',
      'Content-Length:',
      'Content-Length: ,',
      'Content-Length: 5, 5',
      'Content-Length: 5\r\nContent-Length: 5',
      'Content-Length: 5\r\ncontent-length: 6',
      'Content-Length: +5',
      'Content-Length: -5',
      'Content-Length: 0x5',
      'Content-Length: 5.0',
      'Content-Length: 5e0',
      'Content-Length: 5 5',
      'Content-Length: 1000000000000000',
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: chunked\r\nContent-Length: 5',
      'Transfer-Encoding:',
      'Transfer-Encoding: identity',
      'Transfer-Encoding: gzip',
      'Transfer-Encoding: gzip, chunked',
      'Transfer-Encoding: chunked, chunked',
      'Transfer-Encoding: , chunked',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding: chunked\x0b',
      'Transfer-Encoding: chunked;q=1',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    ].map((field) => lines(field)),
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked',
  ])('refuses %j', (text) => {
    expect(readResponseHead(text, false)).toBeUndefined();
    expect(readResponseHead(text, true)).toBeUndefined();
  });

  test('takes 500 fields and not one more', () => {
    const fields = Array.from({ length: 500 }, () => 'a: b');
    expect(readResponseHead(lines(...fields), false)?.fields).toHaveLength(1000);
    expect(readResponseHead(lines(...fields, 'a: b'), false)).toBeUndefined();
  });
});

describe('mayBecomeHead', () => {
  test.each([
    ['H', true],
    ['HTTP/1.', true],
    ['HTTP/1.1 200 OK\r', true],
    ['HTTP/1.1 200 OK\r\nX: y\r\n\r', true],
    ['h', false],
    ['<html>', false],
    ['SSH-2.0', false],
    ['\r\n', false],
    ['\n', false],
    ['HTTP/2', false],
    ['HTTP/1.1 200 OK\n', false],
    ['HTTP/1.1 200 OK\r\nX: y\n', false],
  ])('of %j is %s, whole and byte by byte', (text, expected) => {
    const bytes = Buffer.from(text);
    expect(mayBecomeHead(bytes, 0, bytes.length)).toBe(expected);
    const each = Array.from(bytes, (_, i) => mayBecomeHead(bytes, i, i + 1));
    expect(each.every(Boolean)).toBe(expected);
  });
});
