import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HeadDefect, parseRequestHead, type RequestHead } from './request-head.ts';

const bounds = { maxFields: 6, maxTargetBytes: 40 };
const parse = (text: string): RequestHead | HeadDefect => parseRequestHead(text, bounds);
/** A head with the given lines behind its first one. */
const head = (lines: readonly string[], line = 'GET /odoo HTTP/1.1'): string => [line, ...lines].join('\r\n');
const plain: RequestHead = {
  method: 'GET',
  target: '/odoo',
  fields: ['host', 'a'],
  bodyLength: 0,
  http10: false,
  keepAlive: true,
  expectsContinue: false,
  upgrade: false,
  defect: undefined,
};
const host = 'Host: a';
const post = 'POST /odoo HTTP/1.1';

describe('parseRequestHead', () => {
  test.each<[string, string, Partial<RequestHead>]>([
    ['a plain request', head([host]), {}],
    ['another method', head([host], 'PROPFIND /odoo HTTP/1.1'), { method: 'PROPFIND' }],
    [
      'a method in small letters, which is another one',
      head([host], 'get /odoo HTTP/1.1'),
      { method: 'get' },
    ],
    [
      'a target as it came',
      head([host], 'GET http://u@b:1/%2e%2E//x?y#z HTTP/1.1'),
      { target: 'http://u@b:1/%2e%2E//x?y#z' },
    ],
    ['a target of obs-text', head([host], 'GET /\xe9 HTTP/1.1'), { target: '/\xe9' }],
    ['HTTP/1.0', head([host], 'GET /odoo HTTP/1.0'), { http10: true, keepAlive: false }],
    [
      'a length',
      head([host, 'Content-Length: 12'], post),
      { method: 'POST', bodyLength: 12, fields: ['host', 'a', 'content-length', '12'] },
    ],
    [
      'a length of GET',
      head([host, 'Content-Length: 12']),
      { bodyLength: 12, fields: ['host', 'a', 'content-length', '12'] },
    ],
    [
      'chunks',
      head([host, 'Transfer-Encoding: Chunked'], post),
      { method: 'POST', bodyLength: undefined, fields: ['host', 'a', 'transfer-encoding', 'Chunked'] },
    ],
    [
      'names with an underscore, which are dropped',
      head(['X_Forwarded_For: 1', host, 'a_: 2', '__proto__: 3']),
      {},
    ],
  ])('reads %s', (_name, text, change) => {
    expect(parse(text)).toEqual({ ...plain, ...change });
  });

  test.each([
    ['nothing', '', 'framing_invalid'],
    ['one word', 'GET', 'framing_invalid'],
    ['no version', 'GET /odoo', 'framing_invalid'],
    ['no target', 'GET  HTTP/1.1', 'framing_invalid'],
    ['no method', ' /odoo HTTP/1.1', 'framing_invalid'],
    ['two blanks', 'GET  /odoo HTTP/1.1', 'framing_invalid'],
    ['a blank in the target', 'GET /a b HTTP/1.1', 'framing_invalid'],
    ['a blank behind the version', 'GET /odoo HTTP/1.1 ', 'framing_invalid'],
    ['a tab for a blank', 'GET\t/odoo\tHTTP/1.1', 'framing_invalid'],
    ['a method that is no token', 'G(T /odoo HTTP/1.1', 'framing_invalid'],
    ['a method of 33 letters', `${'A'.repeat(33)} /odoo HTTP/1.1`, 'framing_invalid'],
    ['a control character in the target', 'GET /\x01 HTTP/1.1', 'framing_invalid'],
    ['DEL in the target', 'GET /\x7f HTTP/1.1', 'framing_invalid'],
    ['a bare LF in the line', 'GET /odoo HTTP/1.1\nHost: a', 'framing_invalid'],
    ['a bare CR in the line', 'GET /odoo HTTP/1.1\rHost: a', 'framing_invalid'],
    ['a protocol of its own', 'GET /odoo RTSP/1.0', 'framing_invalid'],
    ['a version in small letters', 'GET /odoo http/1.1', 'framing_invalid'],
    ['a version of two digits', 'GET /odoo HTTP/1.10', 'framing_invalid'],
    ['HTTP/2.0', 'GET /odoo HTTP/2.0', 'version_not_supported'],
    ['HTTP/1.2', 'GET /odoo HTTP/1.2', 'version_not_supported'],
    ['HTTP/0.9', 'GET /odoo HTTP/0.9', 'version_not_supported'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0', 'version_not_supported'],
    ['CONNECT', 'CONNECT a:443 HTTP/1.1', 'method_not_supported'],
  ])('says that %s is no request', (_name, line, defect) => {
    expect(parse(head([host], line))).toBe(defect);
  });

  test.each<[string, string, HeadDefect]>([
    ['no Host', head(['A: 1']), 'host_invalid'],
    ['no field at all', 'GET /odoo HTTP/1.1', 'host_invalid'],
    ['no Host in HTTP/1.0', head(['A: 1'], 'GET /odoo HTTP/1.0'), 'host_invalid'],
    ['two Hosts', head([host, 'host: b']), 'host_invalid'],
    ['the same Host twice', head([host, host]), 'host_invalid'],
    ['a broken field', head([host, 'A : 1']), 'header_invalid'],
    ['too many fields', head([host, ...Array.from({ length: 6 }, () => 'A: 1')]), 'header_too_large'],
    ['a target that is too long', head([host], `GET /${'a'.repeat(40)} HTTP/1.1`), 'target_too_long'],
    [
      'a length beside a coding',
      head([host, 'Content-Length: 1', 'Transfer-Encoding: chunked'], post),
      'framing_invalid',
    ],
    ['two lengths', head([host, 'Content-Length: 1', 'Content-Length: 2'], post), 'framing_invalid'],
    [
      'the same length twice',
      head([host, 'Content-Length: 1', 'Content-Length: 1'], post),
      'framing_invalid',
    ],
    ['a list of lengths', head([host, 'Content-Length: 1, 1'], post), 'framing_invalid'],
    ['an empty length', head([host, 'Content-Length:'], post), 'framing_invalid'],
    ['a length in hexadecimal', head([host, 'Content-Length: 0x1'], post), 'framing_invalid'],
    [
      'a coding twice',
      head([host, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], post),
      'framing_invalid',
    ],
    ['another coding', head([host, 'Transfer-Encoding: gzip'], post), 'framing_invalid'],
    ['two codings', head([host, 'Transfer-Encoding: gzip, chunked'], post), 'framing_invalid'],
    ['identity, then chunked', head([host, 'Transfer-Encoding: identity, chunked'], post), 'framing_invalid'],
    ['an empty coding', head([host, 'Transfer-Encoding:'], post), 'framing_invalid'],
    ['a coding that looks like it', head([host, 'Transfer-Encoding: chun\xe9ed'], post), 'framing_invalid'],
    [
      'a coding in HTTP/1.0',
      head([host, 'Transfer-Encoding: chunked'], 'POST / HTTP/1.0'),
      'framing_invalid',
    ],
    ['an unknown expectation', head([host, 'Expect: 200-ok']), 'expectation_failed'],
    ['two expectations', head([host, 'Expect: 100-continue', 'Expect: x']), 'expectation_failed'],
  ])('finds the defect in %s', (_name, text, defect) => {
    const parsed = parse(text);
    expect(typeof parsed === 'string' ? parsed : parsed.defect).toBe(defect);
  });

  test.each<[string, string, string[], boolean]>([
    ['nothing', 'HTTP/1.1', [], true],
    ['close', 'HTTP/1.1', ['Connection: close'], false],
    ['Close among others', 'HTTP/1.1', ['Connection: x, Close ,y'], false],
    ['close in the second field', 'HTTP/1.1', ['Connection: keep-alive', 'Connection: close'], false],
    ['something like close', 'HTTP/1.1', ['Connection: closed'], true],
    ['nothing', 'HTTP/1.0', [], false],
    ['Keep-Alive', 'HTTP/1.0', ['Connection: Keep-Alive'], true],
    ['keep-alive', 'HTTP/1.0', ['Connection: keep-alive'], true],
    ['both', 'HTTP/1.0', ['Connection: close, keep-alive'], false],
  ])(
    'reads from Connection "%s" in %s whether another request may follow',
    (_name, version, lines, keepAlive) => {
      expect(parse(head([host, ...lines], `GET / ${version}`))).toMatchObject({
        keepAlive,
        defect: undefined,
      });
    },
  );

  test.each<[string, string, string[], boolean]>([
    ['with a body', 'HTTP/1.1', ['Content-Length: 1', 'Expect: 100-Continue'], true],
    ['with chunks', 'HTTP/1.1', ['Transfer-Encoding: chunked', 'Expect: 100-continue'], true],
    ['without a body', 'HTTP/1.1', ['Expect: 100-continue'], false],
    ['of HTTP/1.0', 'HTTP/1.0', ['Content-Length: 1', 'Expect: 100-continue'], false],
    ['of HTTP/1.0 that nobody knows', 'HTTP/1.0', ['Content-Length: 1', 'Expect: x'], false],
  ])(
    'expects a request %s in %s to wait for 100 where it says so',
    (_name, version, lines, expectsContinue) => {
      expect(parse(head([host, ...lines], `POST / ${version}`))).toMatchObject({
        expectsContinue,
        defect: undefined,
      });
    },
  );

  test.each<[string, string, string[], boolean]>([
    ['a WebSocket', 'GET / HTTP/1.1', ['Upgrade: WebSocket'], true],
    ['h2c', 'GET / HTTP/1.1', ['Upgrade: h2c'], false],
    ['a list', 'GET / HTTP/1.1', ['Upgrade: websocket, h2c'], false],
    ['a WebSocket by POST', 'POST / HTTP/1.1', ['Upgrade: websocket'], false],
    ['a WebSocket in HTTP/1.0', 'GET / HTTP/1.0', ['Upgrade: websocket'], false],
    ['a WebSocket with a length', 'GET / HTTP/1.1', ['Upgrade: websocket', 'Content-Length: 0'], false],
    [
      'a WebSocket with chunks',
      'GET / HTTP/1.1',
      ['Upgrade: websocket', 'Transfer-Encoding: chunked'],
      false,
    ],
  ])('knows that %s (%s) may become a tunnel', (_name, line, lines, upgrade) => {
    expect(parse(head([host, ...lines], line))).toMatchObject({ upgrade, defect: undefined });
  });

  test('lets nothing pass whose length could be read in two ways', () => {
    const framing = fc.constantFrom(
      'Content-Length: 3',
      'content-length: 03',
      'Content-Length: +3',
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: identity',
      'TRANSFER-ENCODING: CHUNKED',
      'X: 1',
    );
    fc.assert(
      fc.property(fc.array(framing, { maxLength: 4 }), (lines) => {
        const parsed = parse(head([host, ...lines], post));
        const names = lines.map((line) => line.split(':')[0]?.toLowerCase());
        const lengths = names.filter((name) => name === 'content-length').length;
        const codings = names.filter((name) => name === 'transfer-encoding').length;
        if (typeof parsed === 'string' || parsed.defect !== undefined) return;
        expect(lengths + codings).toBeLessThanOrEqual(1);
        expect(parsed.bodyLength).toBe(codings === 1 ? undefined : lengths * 3);
        expect(lines.join()).not.toMatch(/\+3|identity/);
      }),
    );
  });
});
