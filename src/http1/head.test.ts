import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { type HeadDefect, readHead } from './head.ts';

const bounds = { maxFields: 10, maxTargetBytes: 20 };

function read(rawHeaders: string[], change: { url?: string; httpVersion?: string } = {}) {
  const request = { rawHeaders, url: '/odoo', httpVersion: '1.1', ...change };
  return readHead(request as IncomingMessage, bounds);
}

const defectOf = (fields: string[], change: Parameters<typeof read>[1] = {}): HeadDefect | undefined =>
  read(['Host', 'a.example', ...fields], change).defect;

describe('readHead', () => {
  test('gives the fields in their order, names in lower case and repeated ones kept', () => {
    expect(read(['HOST', 'A.example', 'Cookie', 'a=1', 'X-A', 'b', 'cookie', 'b=2'])).toEqual({
      fields: ['host', 'A.example', 'cookie', 'a=1', 'x-a', 'b', 'cookie', 'b=2'],
      bodyLength: 0,
      defect: undefined,
    });
  });

  test('drops names with an underscore, so that they neither pass nor frame', () => {
    expect(
      read(['Host', 'a', 'Content_Length', '5', 'X_Forwarded_For', '1.1.1.1', '_', 'x', 'HOST_', 'b']),
    ).toEqual({
      fields: ['host', 'a'],
      bodyLength: 0,
      defect: undefined,
    });
  });

  test.each([
    [[], 0],
    [['Content-Length', '0'], 0],
    [['Content-Length', '5'], 5],
    [['Content-Length', '005'], 5],
    [['Content-Length', '999999999999999'], 999_999_999_999_999],
    [['Transfer-Encoding', 'chunked'], undefined],
    [['Transfer-Encoding', 'Chunked'], undefined],
  ])('of %j reads a body of %s', (fields, bodyLength) => {
    expect(read(['Host', 'a', ...fields])).toMatchObject({ bodyLength, defect: undefined });
  });

  test.each([
    ...['', ' 5', '5 ', '+5', '-5', '0x5', '5e0', '5.0', '5,5', '5, 5', '٥', '１', '1000000000000000'].map(
      (length): [string[], HeadDefect] => [['Content-Length', length], 'framing_invalid'],
    ),
    [['Content-Length', '5', 'content-length', '5'], 'framing_invalid'],
    [['Content-Length', '5', 'Transfer-Encoding', 'chunked'], 'framing_invalid'],
    ...[
      '',
      'identity',
      'gzip, chunked',
      ', chunked',
      'chunked,',
      'chunked, chunked',
      'xchunked',
      ' chunked',
    ].map((coding): [string[], HeadDefect] => [['Transfer-Encoding', coding], 'framing_invalid']),
    [['Transfer-Encoding', 'chunked', 'transfer-encoding', 'chunked'], 'framing_invalid'],
    [['host', 'b'], 'host_invalid'],
    [['Expect', '100-continues'], 'expectation_failed'],
    [['Expect', 'x 100-continue'], 'expectation_failed'],
    [['Expect', '100-continue', 'Expect', '100-continue'], 'expectation_failed'],
    [Array.from({ length: 20 }, () => 'x'), 'header_too_large'],
  ] as [string[], HeadDefect][])('finds in %j that it is %s', (fields, defect) => {
    expect(defectOf(fields)).toBe(defect);
  });

  test('needs a Host in every version', () => {
    expect([read([]).defect, read([], { httpVersion: '1.0' }).defect]).toEqual([
      'host_invalid',
      'host_invalid',
    ]);
  });

  test.each(['0.9', '1.2', '2.0', '3.0', ''])('does not take version %j', (httpVersion) => {
    expect(defectOf([], { httpVersion })).toBe('version_not_supported');
  });

  test('takes a coding in HTTP/1.1 only', () => {
    expect(defectOf(['Transfer-Encoding', 'chunked'], { httpVersion: '1.0' })).toBe('framing_invalid');
  });

  test('takes every expectation of HTTP/1.0, which has none', () => {
    expect(defectOf(['Expect', 'miracles'], { httpVersion: '1.0' })).toBeUndefined();
  });

  test('takes as many fields and as long a target as its bounds say', () => {
    expect(defectOf(Array.from({ length: 18 }, () => 'x'))).toBeUndefined();
    expect(defectOf([], { url: `/${'a'.repeat(19)}` })).toBeUndefined();
    expect(defectOf([], { url: `/${'a'.repeat(20)}` })).toBe('target_too_long');
  });

  test('counts fields that it drops', () => {
    expect(defectOf(Array.from({ length: 20 }, () => 'x_'))).toBe('header_too_large');
  });
});
