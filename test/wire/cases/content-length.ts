import {
  controlsBut,
  get,
  hex,
  host,
  hostField,
  post,
  reaching,
  refusing,
  type WireCase,
} from '../wire-case.ts';

// How long a body is (RFC 9112 §6.3, RFC 9110 §8.6: Content-Length = 1*DIGIT). A number that two parsers read differently
// makes the rest of a body a request. Python's int() takes `+5`, `5_0` and other digits of Unicode; Number() takes `5e0`.

const posted = { line: 'POST /odoo', body: 'hello' };
const withLength = (value: string): string => post(`Content-Length: ${value}\r\n`, 'hello');
const withMethod = (method: string, length: string, body: string): string =>
  `${method} /odoo HTTP/1.1\r\n${hostField}Content-Length: ${length}\r\n\r\n${body}`;

const notDigits = [
  '+5',
  '-5',
  '-0',
  '0x5',
  '0X5',
  '0b101',
  '0o5',
  '5e0',
  '5E0',
  '.5',
  '5.',
  '5.0',
  '5_0',
  '5 5',
  '5\t5',
  '5, 5',
  '5,5',
  '5,',
  ',5',
  '5;',
  '5;q=1',
  '"5"',
  "'5'",
  '5a',
  'a5',
  'five',
  '5%',
  '%35',
  '0x',
  '(5)',
  '5 (five)',
  'Infinity',
  'NaN',
  'null',
  '\\5',
  '\xa05',
  '5\xa0',
  '\xef\xbb\xbf5',
  '\xd9\xa5',
  '\xef\xbc\x95',
  '\xb2',
  '',
  ' ',
  '\t',
];

export const contentLengthCases: WireCase[] = [
  ...refusing(
    '400 framing_invalid',
    notDigits.map((value) => [`a Content-Length of ${JSON.stringify(value)}`, withLength(value)] as const),
  ),
  // trim() takes more off than OWS; what is no field value is no Content-Length either (RFC 9110 §5.5).
  ...refusing(
    '400 header_invalid',
    controlsBut('\t', '\r', '\n').map(
      (control) => [`a Content-Length behind ${hex(control)}`, withLength(`${control}5`)] as const,
    ),
  ),
  ...refusing('400 framing_invalid', [
    // HAProxy CVE-2021-40346: an overflow makes a large length a small one.
    ['a Content-Length beyond 2^64', withLength('18446744073709551621')],
    ['a Content-Length beyond 2^53', withLength('9007199254740993')],
    ['a Content-Length of sixteen digits', withLength('0000000000000005')],
    ['a Content-Length of a thousand digits', withLength(`${'0'.repeat(999)}5`)],
    // RFC 9110 §8.6 lets a recipient fold identical ones; the next one may not.
    ['a repeated Content-Length', post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello')],
    [
      'a Content-Length that is larger than the first',
      post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello'),
    ],
    [
      'a Content-Length that is smaller than the first',
      post('Content-Length: 5\r\nContent-Length: 0\r\n', 'hello'),
    ],
    [
      'a Content-Length repeated in another case',
      post('Content-Length: 5\r\nCONTENT-LENGTH: 5\r\n', 'hello'),
    ],
    [
      'a Content-Length that is smaller in another case',
      post('Content-Length: 5\r\nCONTENT-LENGTH: 0\r\n', 'hello'),
    ],
    ['a Content-Length of three', post('Content-Length: 5\r\n'.repeat(3), 'hello')],
    [
      'a Content-Length with an empty one behind it',
      post('Content-Length: 5\r\nContent-Length:\r\n', 'hello'),
    ],
    [
      'a Content-Length with an empty one before it',
      post('Content-Length:\r\nContent-Length: 5\r\n', 'hello'),
    ],
    [
      'a Content-Length repeated far behind',
      post(`Content-Length: 5\r\nAccept: a\r\nPragma: b\r\nContent-Length: 5\r\n`, 'hello'),
    ],
    ['a Content-Length repeated in a GET without a body', get('Content-Length: 0\r\nContent-Length: 0\r\n')],
    ['a Content-Length that is no number in a GET', get('Content-Length: none\r\n')],
  ]),
  // RFC 9112 §5.1 (no blank before the colon) and §5.2 (folded lines): a length that one parser sees and the next does not.
  ...refusing('400 header_invalid', [
    ['a Content-Length with a blank before its colon', post('Content-Length : 5\r\n', 'hello')],
    ['a Content-Length with a tab before its colon', post('Content-Length\t: 5\r\n', 'hello')],
    ['a Content-Length with a NUL before its colon', post('Content-Length\0: 5\r\n', 'hello')],
    ['a Content-Length with a blank before its name', post('Accept: a\r\n Content-Length: 5\r\n', 'hello')],
    ['a Content-Length with a blank in its name', post('Content Length: 5\r\n', 'hello')],
    ['a Content-Length with a soft hyphen', post('Content\xadLength: 5\r\n', 'hello')],
    ['a Content-Length on the next line', post('Content-Length:\r\n 5\r\n', 'hello')],
    ['a Content-Length over two lines', post('Content-Length: 5\r\n 5\r\n', 'hello')],
    ['a Content-Length without a colon', post('Content-Length 5\r\n', 'hello')],
    ['a Content-Length behind a field without a name', post(': x\r\nContent-Length: 5\r\n', 'hello')],
  ]),
  ...reaching([
    ['a Content-Length between blanks', post('Content-Length: \t 5 \t\r\n', 'hello'), posted],
    ['a Content-Length without a blank', post('Content-Length:5\r\n', 'hello'), posted],
    ['a Content-Length in capitals', post('CONTENT-LENGTH: 5\r\n', 'hello'), posted],
    ['a Content-Length with leading zeros', withLength('005'), posted],
    ['a Content-Length of fifteen digits', withLength('000000000000005'), posted],
    ['a Content-Length of 0 of POST', post('Content-Length: 0\r\n'), { line: 'POST /odoo' }],
    ['a Content-Length of 0 of GET', get('Content-Length: 0\r\n'), {}],
    ['a Content-Length of 0 of DELETE', withMethod('DELETE', '0', ''), { line: 'DELETE /odoo' }],
    [
      'a body that looks like requests',
      post('Content-Length: 46\r\n', get('')),
      { line: 'POST /odoo', body: get('') },
    ],
    [
      'a body that looks like chunks',
      post('Content-Length: 5\r\n', '0\r\n\r\n'),
      { line: 'POST /odoo', body: '0\r\n\r\n' },
    ],
    [
      'a body of empty lines',
      post('Content-Length: 8\r\n', '\r\n\r\n\r\n\r\n'),
      { line: 'POST /odoo', body: '\r\n\r\n\r\n\r\n' },
    ],
    ['a body of one byte', post('Content-Length: 1\r\n', '\0'), { line: 'POST /odoo', body: '\0' }],
    [
      'a body of every byte',
      post('Content-Length: 256\r\n', everyByte()),
      { line: 'POST /odoo', body: everyByte() },
    ],
    // A name that CGI cannot tell from Content-Length is dropped, and counts for nothing before that.
    ['a Content_Length is dropped: such a request', get('Content_Length: 5\r\n'), {}],
    ['an X-Content-Length is no length: such a request', get('X-Content-Length: 5\r\n'), {}],
    // RFC 9110 §9.3.1: content of GET has no meaning but a length, and must be read as what it is.
    ...['GET', 'DELETE', 'OPTIONS', 'PUT', 'PATCH'].map(
      (method) =>
        [
          `a body of ${method}`,
          withMethod(method, '5', 'hello'),
          { line: `${method} /odoo`, body: 'hello' },
        ] as const,
    ),
  ]),
  {
    name: 'a body that is shorter than what was sent, so that the rest is the next request,',
    bytes: post('Content-Length: 5\r\n', `hello${get('', '/web')}`),
    reaches: [posted, { line: 'GET /web' }],
  },
  {
    name: 'a request behind a POST without a length',
    bytes: `${post('')}${get('', '/web')}`,
    reaches: [{ line: 'POST /odoo' }, { line: 'GET /web' }],
  },
  {
    name: 'a byte of a body too many',
    bytes: post('Content-Length: 4\r\n', `hello${get('')}`),
    reaches: [{ line: 'POST /odoo', body: 'hell' }],
    // The rest begins a request line: `oGET`.
    refused: '501 method_not_supported',
  },
  {
    name: `a Host within a body of the ${host} zone`,
    bytes: post('Content-Length: 20\r\n', 'Host: evil.example\r\n'),
    reaches: [{ line: 'POST /odoo', body: 'Host: evil.example\r\n' }],
  },
];

function everyByte(): string {
  return Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
}
