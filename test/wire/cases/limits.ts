import { chunked, get, hostField, post, reaching, refusing, type WireCase } from '../wire-case.ts';
import { maxBodyBytes } from '../wire-range.ts';

// RFC 9110 §15.5.14 (413), §15.5.15 (414), RFC 6585 §5 (431). Bounds of gateway.yaml as they are without being set: 32 KiB
// for a head, 100 fields, 8 KiB for a target. `node:http` keeps 2,000 fields and silently drops the rest, which it has parsed for framing.

const full = 'x'.repeat(maxBodyBytes);
const chunkOf = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n`;
const target = (bytes: number): string => `/odoo?${'a'.repeat(bytes - '/odoo?'.length)}`;

export const limitCases: WireCase[] = [
  ...refusing('431 header_too_large', [
    ['a request of 101 fields', get('X-A: 1\r\n'.repeat(100))],
    ['a request of 101 fields that are the same', get('Accept: a\r\n'.repeat(100))],
    ['a request of 101 fields with names that are dropped', get('X_A: 1\r\n'.repeat(100))],
    ['a coding behind 2,100 fields', get(`${'X-A: 1\r\n'.repeat(2100)}Transfer-Encoding: chunked\r\n`)],
    ['a second Host behind 2,100 fields', get('X-A: 1\r\n'.repeat(2100) + hostField)],
    ['a field of 33 KiB', get(`X-A: ${'a'.repeat(33 * 1024)}\r\n`)],
    ['a field name of 33 KiB', get(`${'A'.repeat(33 * 1024)}: a\r\n`)],
    ['a field of 40 KiB without an end', `GET /odoo HTTP/1.1\r\n${hostField}X-A: ${'a'.repeat(40 * 1024)}`],
    [
      'fields of 40 KiB without an end',
      `GET /odoo HTTP/1.1\r\n${hostField}${`X-A: ${'a'.repeat(1000)}\r\n`.repeat(40)}`,
    ],
    ['a field of blanks of 40 KiB', get(`X-A:${' '.repeat(40 * 1024)}a\r\n`)],
  ]),
  ...refusing('414 target_too_long', [
    ['a target of 8 KiB and a byte', get('', target(8 * 1024 + 1))],
    ['a path of 9 KiB', get('', `/${'a'.repeat(9 * 1024)}`)],
    ['a target of 31 KiB', get('', target(31 * 1024))],
    ['a target of 40 KiB without an end', `GET ${target(40 * 1024)}`],
  ]),
  ...refusing('413 body_too_large', [
    ['a body that is announced as too large', post('Content-Length: 999999999999999\r\n')],
    ['a chunked body of a byte too many', chunked(`${chunkOf(`${full}x`)}0\r\n\r\n`)],
    [
      'a chunked body with its byte too many in a chunk of its own',
      chunked(`${chunkOf(full)}${chunkOf('x')}0\r\n\r\n`),
    ],
    ['a chunk that is announced as too large', chunked('FFFFFFFF\r\n'.concat(full, 'xx'))],
  ]),
  // A small rest of a refused body may be read and dropped, so that the connection goes on.
  ...refusing(
    '413 body_too_large',
    [
      ['a body of a byte too many', post(`Content-Length: ${maxBodyBytes + 1}\r\n`, `${full}x`)],
      ['a body of GET of a byte too many', get(`Content-Length: ${maxBodyBytes + 1}\r\n`) + `${full}x`],
    ],
    'either',
  ),
  ...reaching([
    ['a request of 100 fields', get('X-A: 1\r\n'.repeat(99)), {}],
    [
      'a request of 100 fields that pass',
      get('Accept: a\r\n'.repeat(99)),
      { passed: Array.from({ length: 99 }, () => 'accept: a') },
    ],
    [
      'a field of 31 KiB',
      get(`Cookie: ${'a'.repeat(31 * 1024)}\r\n`),
      { passed: [`cookie: ${'a'.repeat(31 * 1024)}`] },
    ],
    ['a target of 8 KiB', get('', target(8 * 1024)), { line: `GET ${target(8 * 1024)}` }],
    [
      'a body of the largest size',
      post(`Content-Length: ${maxBodyBytes}\r\n`, full),
      { line: 'POST /odoo', body: full },
    ],
    [
      'a chunked body of the largest size',
      chunked(`${chunkOf(full)}0\r\n\r\n`),
      { line: 'POST /odoo', body: full },
    ],
  ]),
];
