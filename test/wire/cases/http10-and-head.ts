import { get, hostField, reaching, refusing, type WireCase } from '../wire-case.ts';

// A client of HTTP/1.0 gets an answer and the end of its connection (RFC 9112 §9.3, RFC 9110 §2.5); what goes upstream is HTTP/1.1
// all the same. To HEAD nothing is sent behind the fields (RFC 9110 §9.3.2), or it would be the next answer.

const old = (fields: string, start = 'GET /odoo'): string => `${start} HTTP/1.0\r\n${hostField}${fields}\r\n`;
const head = (fields: string, start = 'HEAD /odoo'): string =>
  `${start} HTTP/1.1\r\n${hostField}${fields}\r\n`;

export const http10AndHeadCases: WireCase[] = [
  ...reaching(
    [
      ['a request of HTTP/1.0', old(''), {}],
      ['a request of HTTP/1.0 with fields', old('Accept: a\r\n'), { passed: ['accept: a'] }],
      [
        'a body of HTTP/1.0',
        `${old('Content-Length: 5\r\n', 'POST /odoo')}hello`,
        { line: 'POST /odoo', body: 'hello' },
      ],
      ['a POST of HTTP/1.0 without a length', old('', 'POST /odoo'), { line: 'POST /odoo' }],
      ['a request of HTTP/1.0 that closes', old('Connection: close\r\n'), {}],
      ['a request of HTTP/1.0 that closes and keeps alive', old('Connection: keep-alive, close\r\n'), {}],
      ['a HEAD of HTTP/1.0', old('', 'HEAD /odoo'), { line: 'HEAD /odoo' }],
      ['a request of HTTP/1.0 loses TE and', old('TE: trailers\r\nConnection: TE\r\n'), {}],
    ],
    'closed',
  ),
  // RFC 9112 §9.3 lets a server go on with one that asks for it.
  ...reaching([['a request of HTTP/1.0 that keeps alive', old('Connection: keep-alive\r\n'), {}]], 'either'),
  ...refusing(
    '404 no_zone',
    [['a request of HTTP/1.0 to a host of nobody', 'GET /odoo HTTP/1.0\r\nHost: evil.example\r\n\r\n']],
    'closed',
  ),
  ...refusing(
    '400 path_ambiguous',
    [['a request of HTTP/1.0 with an odd path', old('', 'GET //odoo')]],
    'closed',
  ),
  ...refusing('400 framing_invalid', [
    [
      'a request of HTTP/1.0 with two lengths',
      `${old('Content-Length: 5\r\nContent-Length: 5\r\n', 'POST /odoo')}hello`,
    ],
    ['a request of HTTP/1.0 with a length of +5', `${old('Content-Length: +5\r\n', 'POST /odoo')}hello`],
  ]),
  ...reaching([
    ['a HEAD', head(''), { line: 'HEAD /odoo' }],
    ['a HEAD with a body', `${head('Content-Length: 5\r\n')}hello`, { line: 'HEAD /odoo', body: 'hello' }],
    [
      'a HEAD with a chunked body',
      `${head('Transfer-Encoding: chunked\r\n')}5\r\nhello\r\n0\r\n\r\n`,
      { line: 'HEAD /odoo', body: 'hello' },
    ],
  ]),
  ...refusing('404 no_zone', [
    ['a HEAD of a host of nobody', 'HEAD /odoo HTTP/1.1\r\nHost: evil.example\r\n\r\n'],
  ]),
  ...refusing('400 path_ambiguous', [['a HEAD of an odd path', head('', 'HEAD //odoo')]]),
  ...refusing(
    '400 framing_invalid',
    [['a HEAD with a length of x', head('Content-Length: x\r\n')]],
    'closed',
  ),
  {
    name: 'each of two HEAD and',
    bytes: head('') + head('', 'HEAD /web'),
    reaches: [{ line: 'HEAD /odoo' }, { line: 'HEAD /web' }],
  },
  {
    name: 'a GET behind another',
    bytes: get('Accept: a\r\n') + get(''),
    reaches: [{ passed: ['accept: a'] }, {}],
  },
];
