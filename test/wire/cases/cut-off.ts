import { chunked, get, hostField, post, type WireCase } from '../wire-case.ts';

// RFC 9112 §8: a request that its client did not finish is no request. It is not completed, and nobody is sent a part of it.

const cut = (name: string, bytes: string): WireCase => ({ name, bytes, cut: true });

export const cutOffCases: WireCase[] = [
  cut('a connection without a byte', ''),
  cut('an end behind an empty line', '\r\n'),
  cut('an end within the method', 'GE'),
  cut('an end within the target', 'GET /od'),
  cut('an end within the version', 'GET /odoo HTTP/1.'),
  cut('an end behind the version', 'GET /odoo HTTP/1.1'),
  cut('an end within the first line end', 'GET /odoo HTTP/1.1\r'),
  cut('an end behind the request line', 'GET /odoo HTTP/1.1\r\n'),
  cut('an end within a field name', 'GET /odoo HTTP/1.1\r\nHo'),
  cut('an end within the host', 'GET /odoo HTTP/1.1\r\nHost: acme.erp.exam'),
  cut('an end behind a field', `GET /odoo HTTP/1.1\r\n${hostField}`),
  cut('an end within the last line end', get('').slice(0, -1)),
  cut('an end in place of a body', post('Content-Length: 5\r\n')),
  cut('an end within a body', post('Content-Length: 5\r\n', 'hell')),
  cut('an end in place of a chunk', chunked('')),
  cut('an end within a chunk size', chunked('5')),
  cut('an end within the line end of a chunk size', chunked('5\r')),
  cut('an end within a chunk extension', chunked('5;a=b')),
  cut('an end within a chunk', chunked('5\r\nhell')),
  cut('an end behind a chunk', chunked('5\r\nhello\r\n')),
  cut('an end within the last chunk', chunked('5\r\nhello\r\n0\r\n')),
  cut('an end within the trailers', chunked('5\r\nhello\r\n0\r\nX-A: b\r\n')),
  cut('an end within the last line end of a chunked body', chunked('5\r\nhello\r\n0\r\n\r')),
];
