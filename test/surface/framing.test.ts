import { describeWire, framingInvalid, headerInvalid, hostField, type WireCase } from './wire-case.ts';

// Where a request ends (RFC 9112 §6 and §7). Two parsers that disagree on it let a request through that no policy saw.

const post = (fields: string, body: string): string =>
  `POST /odoo HTTP/1.1\r\n${hostField}${fields}\r\n${body}`;
const posted = { line: 'POST /odoo HTTP/1.1', body: 'hello' };

const lengths: WireCase[] = [
  ...['+5', '-5', '0x5', '5e0', '5.0', '5 5', '5, 5', '5,', '\x0b5', '\xa05', '\xd9\xa5', '"5"', ''].map(
    (value) => ({
      name: `a Content-Length of ${JSON.stringify(value)}`,
      bytes: post(`Content-Length: ${value}\r\n`, 'hello'),
      ...framingInvalid,
    }),
  ),
  {
    name: 'a Content-Length beyond 2^64',
    bytes: post(`Content-Length: 18446744073709551621\r\n`, 'hello'),
    ...framingInvalid,
  },
  {
    name: 'a Content-Length of sixteen digits',
    bytes: post(`Content-Length: 0000000000000005\r\n`, 'hello'),
    ...framingInvalid,
  },
  {
    name: 'a repeated Content-Length',
    bytes: post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'),
    ...framingInvalid,
  },
  {
    name: 'a Content-Length that differs from the first',
    bytes: post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello'),
    ...framingInvalid,
  },
  {
    name: 'a Content-Length repeated in another case',
    bytes: post('Content-Length: 5\r\nCONTENT-LENGTH: 0\r\n', 'hello'),
    ...framingInvalid,
  },
  {
    name: 'a Content-Length with blanks before its colon',
    bytes: post('Content-Length : 5\r\n', 'hello'),
    ...headerInvalid,
  },
  {
    name: 'a Content-Length with blanks before its name',
    bytes: post(' Content-Length: 5\r\n', 'hello'),
    ...headerInvalid,
  },
  {
    name: 'a Content-Length between blanks',
    bytes: post('Content-Length: \t 5 \t\r\n', 'hello'),
    reaches: posted,
  },
  {
    name: 'a Content-Length with leading zeros',
    bytes: post('Content-Length: 005\r\n', 'hello'),
    reaches: posted,
  },
  {
    name: 'a body of GET',
    bytes: `GET /odoo HTTP/1.1\r\n${hostField}Content-Length: 5\r\n\r\nhello`,
    reaches: { body: 'hello' },
  },
];

const codings: WireCase[] = [
  {
    name: 'a Content-Length before a Transfer-Encoding',
    bytes: post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a Content-Length behind a Transfer-Encoding',
    bytes: post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'),
    ...framingInvalid,
  },
  ...[
    'identity, chunked',
    'gzip, chunked',
    ', chunked',
    'chunked,',
    '',
    'xchunked',
    'chunkedx',
    'chunked, chunked',
    'chunked, identity',
    'chunked;q=1',
    'chunked chunked',
    '"chunked"',
    'chun\xadked',
    'identity',
    'gzip',
  ].map((value) => ({
    name: `a Transfer-Encoding of ${JSON.stringify(value)}`,
    bytes: post(`Transfer-Encoding: ${value}\r\n`, '0\r\n\r\n'),
    ...framingInvalid,
  })),
  {
    // U+212A, the Kelvin sign, is a k when lower-cased.
    name: 'a Transfer-Encoding that only Unicode lower-casing reads',
    bytes: post('Transfer-Encoding: chun\xe2\x84\xaaed\r\n', '0\r\n\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a Transfer-Encoding behind a vertical tab',
    bytes: post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'),
    ...headerInvalid,
  },
  {
    name: 'a Transfer-Encoding on a folded line',
    bytes: post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'),
    ...headerInvalid,
  },
  {
    name: 'a repeated Transfer-Encoding',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a Transfer-Encoding in HTTP/1.0',
    bytes: `POST /odoo HTTP/1.0\r\n${hostField}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ...framingInvalid,
  },
  {
    name: 'a Transfer-Encoding in capitals',
    bytes: post('TRANSFER-encoding: ChunKed\r\n', '5\r\nhello\r\n0\r\n\r\n'),
    reaches: posted,
  },
  // http-proxy forwards these without a length and without the coding, so that the body becomes a request.
  ...['GET', 'DELETE', 'OPTIONS', 'PUT', 'PATCH'].map((method) => ({
    name: `a chunked body of ${method}`,
    bytes: `${method} /odoo HTTP/1.1\r\n${hostField}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    reaches: { line: `${method} /odoo HTTP/1.1`, body: 'hello' },
  })),
];

const chunked = (body: string): string => post('Transfer-Encoding: chunked\r\n', body);

const chunks: WireCase[] = [
  ...['0x5', '0_5', '+5', '-5', ' 5', '5 ', '5\t', '', '10000000000000005', 'g', '5\x00'].map((size) => ({
    name: `a chunk size of ${JSON.stringify(size)}`,
    bytes: chunked(`${size}\r\nhello\r\n0\r\n\r\n`),
    ...framingInvalid,
  })),
  {
    name: 'a chunk size that ends with a bare LF',
    bytes: chunked('5\nhello\r\n0\r\n\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a chunk that ends with a bare LF',
    bytes: chunked('5\r\nhello\n0\r\n\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a chunk that is longer than its size',
    bytes: chunked('5\r\nhelloXX0\r\n\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a chunk extension that ends with a bare LF',
    bytes: chunked('5;a\nhello\r\n0\r\n\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a chunk extension with a bare CR',
    bytes: chunked('5;a\rb\r\nhello\r\n0\r\n\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a flood of chunk extensions',
    bytes: chunked(`5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`),
    ...framingInvalid,
  },
  {
    name: 'a request in place of trailers',
    bytes: chunked('5\r\nhello\r\n0\r\nGET /web/database/manager HTTP/1.1\r\n\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a flood of trailers',
    bytes: chunked(`5\r\nhello\r\n0\r\nX-A: ${'a'.repeat(50_000)}\r\n\r\n`),
    refused: { status: 400, reason: 'framing_invalid' },
    closes: true,
  },
  {
    name: 'a body with chunk extensions loses them and',
    bytes: chunked('5;a=b;c="d"\r\nhello\r\n0;z\r\n\r\n'),
    reaches: posted,
  },
  {
    name: 'a body with trailers loses them and',
    bytes: chunked(
      '2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Forwarded-For: 203.0.113.9\r\nCookie: session_id=x\r\n\r\n',
    ),
    reaches: posted,
  },
  {
    name: 'a body of many chunks with sizes in capitals and leading zeros',
    bytes: chunked(`0A\r\n0123456789\r\n001\r\nx\r\n000\r\n\r\n`),
    reaches: { line: 'POST /odoo HTTP/1.1', body: '0123456789x' },
  },
];

describeWire('content length', lengths);
describeWire('transfer coding', codings);
describeWire('chunks and trailers', chunks);
