import { chunked, get, hostField, post, type WireCase } from '../wire-case.ts';

// RFC 9112 §9.3.2. What stands behind a request is read when its turn comes, and not at all behind one that ends the
// connection (§9.6) or could not be framed (§6.3): it may be the body of an attacker's making. Order and time are in
// test/surface/pipelining.test.ts.

const hidden = get('', '/web/database/manager');
const first = get('');
const posted = { line: 'POST /odoo', body: 'hello' };

export const pipeliningCases: WireCase[] = [
  { name: 'each of two requests', bytes: first + get('', '/web'), reaches: [{}, { line: 'GET /web' }] },
  {
    name: 'each of five requests',
    bytes: ['/1', '/2', '/3', '/4', '/5'].map((target) => get('', target)).join(''),
    reaches: ['/1', '/2', '/3', '/4', '/5'].map((target) => ({ line: `GET ${target}` })),
  },
  {
    name: 'each of three bodies, framed in turns,',
    bytes:
      post('Content-Length: 5\r\n', 'hello') +
      chunked('5\r\nhello\r\n0\r\n\r\n') +
      post('Content-Length: 5\r\n', 'hello'),
    reaches: [posted, posted, posted],
  },
  {
    name: 'each of two requests with fields of their own',
    bytes: get('Accept: 1\r\nCookie: a=1\r\n') + get('Pragma: 2\r\n'),
    reaches: [{ passed: ['accept: 1', 'cookie: a=1'] }, { passed: ['pragma: 2'] }],
  },
  {
    name: 'a request, but nothing behind its Connection: close,',
    bytes: get('Connection: close\r\n') + hidden,
    reaches: [{}],
    end: 'closed',
  },
  {
    name: 'a body, but nothing behind its Connection: close,',
    bytes: post('Connection: close\r\nContent-Length: 5\r\n', 'hello') + hidden,
    reaches: [posted],
    end: 'closed',
  },
  {
    name: 'a request of HTTP/1.0, but nothing behind it,',
    bytes: `GET /odoo HTTP/1.0\r\n${hostField}\r\n${hidden}`,
    reaches: [{}],
    end: 'closed',
  },
  {
    name: 'a request behind a framing error',
    bytes: post('Content-Length: x\r\n') + hidden,
    refused: '400 framing_invalid',
  },
  {
    name: 'a request behind two lengths',
    bytes: post('Content-Length: 0\r\nContent-Length: 0\r\n') + hidden,
    refused: '400 framing_invalid',
  },
  {
    name: 'a request behind a length and a coding',
    bytes: post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n') + hidden,
    refused: '400 framing_invalid',
  },
  {
    name: 'a request behind a broken chunk',
    bytes: chunked('x\r\n') + hidden,
    refused: '400 framing_invalid',
  },
  {
    name: 'a request behind a broken field',
    bytes: get('X A: 1\r\n') + hidden,
    refused: '400 header_invalid',
  },
  {
    name: 'a request behind a wrong version',
    bytes: `GET /odoo HTTP/1.2\r\n${hostField}\r\n${hidden}`,
    refused: '505 version_not_supported',
  },
  {
    name: 'a request behind two hosts',
    bytes: get(hostField) + hidden,
    refused: '400 host_invalid',
    end: 'closed',
  },
  {
    name: 'a request behind an unknown expectation',
    bytes: post('Content-Length: 99\r\nExpect: x\r\n') + hidden,
    refused: '417 expectation_failed',
  },
  {
    name: 'garbage behind a request',
    bytes: `${first}\x01\x02\x03`,
    reaches: [{}],
    refused: '400 framing_invalid',
  },
  {
    name: 'a TLS hello behind a request',
    bytes: `${first}\x16\x03\x01\x02\0\x01`,
    reaches: [{}],
    refused: '400 framing_invalid',
  },
  {
    name: 'a broken field behind a request',
    bytes: first + get('X A: 1\r\n') + hidden,
    reaches: [{}],
    refused: '400 header_invalid',
  },
  {
    name: 'a broken length behind a body',
    bytes: post('Content-Length: 5\r\n', 'hello') + post('Content-Length: +5\r\n', 'hello') + hidden,
    reaches: [posted],
    refused: '400 framing_invalid',
  },
  {
    name: 'a coding in HTTP/1.0 behind a request',
    bytes: `${first}POST /odoo HTTP/1.0\r\n${hostField}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    reaches: [{}],
    refused: '400 framing_invalid',
  },
  {
    name: 'a broken chunk behind a request',
    bytes: first + chunked('5\nhello\r\n0\r\n\r\n') + hidden,
    reaches: [{}],
    refused: '400 framing_invalid',
  },
  {
    name: 'a refused path behind a request',
    bytes: first + get('', '//odoo'),
    reaches: [{}],
    refused: '400 path_ambiguous',
  },
  // A small body of a refused request is read and dropped; it is never a request.
  {
    name: 'a body that looks like a request, of a refused host,',
    bytes: `POST /odoo HTTP/1.1\r\nHost: evil.example\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    refused: '404 no_zone',
    end: 'either',
  },
  {
    name: 'a chunked body of a refused host',
    bytes: `POST /odoo HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${hidden}`,
    refused: '404 no_zone',
    end: 'closed',
  },
];
