import {
  chunked,
  controlsBut,
  get,
  hex,
  hostField,
  post,
  reaching,
  refusing,
  type WireCase,
} from '../wire-case.ts';

// RFC 9112 §6.1 and §6.3: a coding beside a length, one that is not known, or one that is not the last is how a request
// is smuggled. Known codings other than chunked could be answered 501; refused as framing, because nobody sends them.

const coded = (value: string): string => post(`Transfer-Encoding: ${value}\r\n`, '0\r\n\r\n');
const posted = { line: 'POST /odoo', body: 'hello' };
const hello = '5\r\nhello\r\n0\r\n\r\n';

const notChunked = [
  'identity, chunked',
  'gzip, chunked',
  'gzip,chunked',
  ', chunked',
  ',chunked',
  'chunked,',
  'chunked, ',
  'chunked,,',
  '',
  ' ',
  'xchunked',
  'chunkedx',
  'chunke',
  'chunked, chunked',
  'chunked chunked',
  'chunked\tchunked',
  'chunked, identity',
  'chunked, gzip',
  'chunked;q=1',
  'chunked;',
  'chunked; a=b',
  'chunked=1',
  '"chunked"',
  "'chunked'",
  '[chunked]',
  '(chunked)',
  'chunked, cow',
  'cow',
  'identity',
  'gzip',
  'deflate',
  'compress',
  'x-chunked',
  'trailers',
  'chunked:',
  ': chunked',
  '%63hunked',
  '\\chunked',
  'chun\xadked',
  '\xa0chunked',
  'chunked\xa0',
  '\xef\xbb\xbfchunked',
  '\xef\xbd\x83hunked',
  'chunked\x85',
  // U+212A, the Kelvin sign, is a k when lower-cased.
  'chun\xe2\x84\xaaed',
];

export const transferCodingCases: WireCase[] = [
  ...refusing(
    '400 framing_invalid',
    notChunked.map((value) => [`a Transfer-Encoding of ${JSON.stringify(value)}`, coded(value)] as const),
  ),
  // HAProxy CVE-2019-18277: a vertical tab that one side trims.
  ...refusing(
    '400 header_invalid',
    controlsBut('\t', '\r', '\n').map(
      (control) => [`a Transfer-Encoding behind ${hex(control)}`, coded(`${control}chunked`)] as const,
    ),
  ),
  ...refusing('400 framing_invalid', [
    [
      'a Content-Length before a Transfer-Encoding',
      post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'a Content-Length behind a Transfer-Encoding',
      post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'),
    ],
    [
      'a Content-Length of 0 beside a Transfer-Encoding',
      post('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', hello),
    ],
    [
      'a Content-Length that fits a Transfer-Encoding',
      post('Content-Length: 15\r\nTransfer-Encoding: chunked\r\n', hello),
    ],
    [
      'an empty Content-Length beside a Transfer-Encoding',
      post('Content-Length:\r\nTransfer-Encoding: chunked\r\n', hello),
    ],
    [
      'a wrong Content-Length beside a Transfer-Encoding',
      post('Content-Length: x\r\nTransfer-Encoding: chunked\r\n', hello),
    ],
    [
      'a Content-Length beside an unknown Transfer-Encoding',
      post('Content-Length: 5\r\nTransfer-Encoding: cow\r\n', 'hello'),
    ],
    [
      'a Content-Length beside an empty Transfer-Encoding',
      post('Content-Length: 5\r\nTransfer-Encoding:\r\n', 'hello'),
    ],
    [
      'a Content-Length beside the identity coding',
      post('Content-Length: 5\r\nTransfer-Encoding: identity\r\n', 'hello'),
    ],
    [
      'a Content-Length beside a Transfer-Encoding of GET',
      get('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n') + hello,
    ],
    [
      'a Content-Length named by Connection beside a Transfer-Encoding',
      post('Connection: Content-Length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'a repeated Transfer-Encoding',
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'a Transfer-Encoding behind the identity coding',
      post('Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'a Transfer-Encoding before the identity coding',
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
    ],
    [
      'a Transfer-Encoding behind an empty one',
      post('Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'a Transfer-Encoding repeated in another case',
      post('Transfer-Encoding: chunked\r\ntransfer-encoding: cow\r\n', '0\r\n\r\n'),
    ],
    [
      'a Transfer-Encoding repeated around other fields',
      post('Transfer-Encoding: chunked\r\nAccept: a\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    // RFC 9112 §6.1: HTTP/1.0 has no codings, and a proxy of it passes the field on without having read it.
    [
      'a Transfer-Encoding in HTTP/1.0',
      `POST /odoo HTTP/1.0\r\n${hostField}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'a Transfer-Encoding that HTTP/1.0 keeps alive',
      `POST /odoo HTTP/1.0\r\n${hostField}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'the identity coding in HTTP/1.0',
      `GET /odoo HTTP/1.0\r\n${hostField}Transfer-Encoding: identity\r\n\r\n`,
    ],
  ]),
  ...refusing('400 header_invalid', [
    [
      'a Transfer-Encoding with a blank before its colon',
      post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'a Transfer-Encoding with a tab before its colon',
      post('Transfer-Encoding\t: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'a Transfer-Encoding with a NUL before its colon',
      post('Transfer-Encoding\0: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'a Transfer-Encoding with a blank before its name',
      post('Accept: a\r\n Transfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'a Transfer-Encoding with a tab before its name',
      post('Accept: a\r\n\tTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    ['a Transfer-Encoding with a blank in its name', post('Transfer Encoding: chunked\r\n', '0\r\n\r\n')],
    [
      'a Transfer-Encoding with a control character in its name',
      post('Transfer-\x1fEncoding: chunked\r\n', '0\r\n\r\n'),
    ],
    ['a Transfer-Encoding on the next line', post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n')],
    [
      'a Transfer-Encoding that goes on on the next line',
      post('Transfer-Encoding: chunked\r\n , identity\r\n', '0\r\n\r\n'),
    ],
    ['a Transfer-Encoding without a colon', post('Transfer-Encoding chunked\r\n', '0\r\n\r\n')],
    ['a Transfer-Encoding behind a colon', post(':Transfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    [
      'a Transfer-Encoding with a bare LF behind it',
      post('Transfer-Encoding: chunked\nAccept: a\r\n', '0\r\n\r\n'),
    ],
    ['a Transfer-Encoding behind a bare CR', post('Accept: a\rTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ]),
  ...reaching([
    ['a chunked body', chunked(hello), posted],
    ['a Transfer-Encoding in capitals', post('TRANSFER-ENCODING: CHUNKED\r\n', hello), posted],
    ['a Transfer-Encoding in mixed case', post('TrAnSfEr-eNcOdInG: cHuNkEd\r\n', hello), posted],
    ['a Transfer-Encoding without a blank', post('Transfer-Encoding:chunked\r\n', hello), posted],
    ['a Transfer-Encoding between blanks', post('Transfer-Encoding: \t chunked \t \r\n', hello), posted],
    ['an empty chunked body of POST', chunked('0\r\n\r\n'), { line: 'POST /odoo' }],
    [
      'an empty chunked body of GET',
      get('Transfer-Encoding: chunked\r\n') + '0\r\n\r\n',
      { emptyBody: true },
    ],
    ['a Transfer_Encoding is dropped: such a request', get('Transfer_Encoding: chunked\r\n'), {}],
    // http-proxy forwards these without a length and without the coding, so that the body becomes a request.
    ...['GET', 'DELETE', 'OPTIONS', 'PUT', 'PATCH'].map(
      (method) =>
        [
          `a chunked body of ${method}`,
          `${method} /odoo HTTP/1.1\r\n${hostField}Transfer-Encoding: chunked\r\n\r\n${hello}`,
          { line: `${method} /odoo`, body: 'hello' },
        ] as const,
    ),
    [
      'a chunked body that looks like a request',
      chunked(`2e\r\n${get('')}\r\n0\r\n\r\n`),
      { line: 'POST /odoo', body: get('') },
    ],
  ]),
];
