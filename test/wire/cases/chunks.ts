import { chunked, controlsBut, get, hex, reaching, refusing, type WireCase } from '../wire-case.ts';

// RFC 9112 §7.1: chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF. The leniency of §2.2 for a bare LF is for fields and
// start lines alone; where a chunk line may end in it, an extension hides a request (Go CVE-2025-22871).

const posted = { line: 'POST /odoo', body: 'hello' };
const sized = (size: string): string => chunked(`${size}\r\nhello\r\n0\r\n\r\n`);

const sizes = [
  '0x5',
  '0X5',
  'x5',
  '0_5',
  '5_',
  '+5',
  '-5',
  '-0',
  ' 5',
  '5 ',
  '\t5',
  '5\t',
  '',
  'g',
  '5g',
  '5h',

  '5.',
  '5,',
  '5:',
  '5=',
  '"5"',
  '5 5',
  '%35',
  '\xd9\xa5',
  '\xef\xbc\x95',
  '\xa05',
  '5\xa0',
  '\xef\xbb\xbf5',
  // Sizes that wrap around in 32 or 64 bits.
  'FFFFFFFFFFFFFFFF',
  '10000000000000005',
  '100000000000000000000000000000005',
  '-FFFFFFFFFFFFFFFB',
  '00000000000000005',
];

/** In place of the CRLF behind the five bytes of a chunk. */
const wrongEnds = [
  '',
  '\n',
  '\r',
  '\r\r\n',
  '\n\r',
  '\r\n\r\n',
  '\n\n',
  '\r\0',
  '\0\0',
  '  ',
  'XX',
  ' \r\n',
  '\v\n',
  '\r\v',
  '0\r\n',
  '--',
];

const trailed = (trailers: string): string => chunked(`5\r\nhello\r\n0\r\n${trailers}\r\n`);

export const chunkCases: WireCase[] = [
  ...refusing(
    '400 framing_invalid',
    sizes.map((size) => [`a chunk size of ${JSON.stringify(size)}`, sized(size)] as const),
  ),
  ...refusing(
    '400 framing_invalid',
    controlsBut('\t', '\r', '\n').flatMap(
      (control) =>
        [
          [`a chunk size before ${hex(control)}`, sized(`5${control}`)],
          [`a chunk size behind ${hex(control)}`, sized(`${control}5`)],
        ] as const,
    ),
  ),
  ...refusing(
    '400 framing_invalid',
    wrongEnds.map(
      (end) =>
        [`a chunk that ends with ${JSON.stringify(end)}`, chunked(`5\r\nhello${end}0\r\n\r\n`)] as const,
    ),
  ),
  ...refusing('400 framing_invalid', [
    ['a chunk size that ends with a bare LF', chunked('5\nhello\r\n0\r\n\r\n')],
    ['a chunk size that ends with a bare CR', chunked('5\rhello\r\n0\r\n\r\n')],
    ['a chunk size whose CR has another byte for an LF', chunked('5\rXhello\r\n0\r\n\r\n')],
    ['a last chunk whose CR has another byte for an LF', chunked('5\r\nhello\r\n0\rX\r\n')],
    ['a chunk extension whose CR has another byte for an LF', chunked('5;a\rXhello\r\n0\r\n\r\n')],
    ['a trailer whose CR has another byte for an LF', chunked('5\r\nhello\r\n0\r\nX-A: x\rX\r\n')],
    ['a chunk size that ends with two CR', chunked('5\r\r\nhello\r\n0\r\n\r\n')],
    ['a last chunk that ends with a bare LF', chunked('5\r\nhello\r\n0\n\r\n')],
    ['a last chunk that ends with a bare CR', chunked('5\r\nhello\r\n0\r\r\n')],
    ['an empty line behind the last chunk that is a bare LF', chunked('5\r\nhello\r\n0\r\n\n')],
    ['an empty line behind the last chunk that is a bare CR', chunked('5\r\nhello\r\n0\r\n\rx\n')],
    ['a chunk that is longer than its size', chunked('4\r\nhello\r\n0\r\n\r\n')],
    ['a chunk that is shorter than its size', chunked('6\r\nhello\r\n0\r\n\r\n')],
    ['an empty line between chunks', chunked('2\r\nhe\r\n\r\n3\r\nllo\r\n0\r\n\r\n')],
    ['an empty line before the first chunk', chunked('\r\n5\r\nhello\r\n0\r\n\r\n')],
    ['a body without a chunk', chunked('hello\r\n\r\n')],
    ['a request in place of a chunk', chunked(get(''))],
    ['a request behind the first chunk', chunked(`5\r\nhello\r\n${get('')}`)],
  ]),
  ...reaching([
    ['a body in many chunks', chunked('1\r\nh\r\n1\r\ne\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n'), posted],
    [
      'a chunk size in capitals',
      chunked(`0A\r\n0123456789\r\n0\r\n\r\n`),
      { line: 'POST /odoo', body: '0123456789' },
    ],
    [
      'a chunk size in small letters',
      chunked(`a\r\n0123456789\r\n0\r\n\r\n`),
      { line: 'POST /odoo', body: '0123456789' },
    ],
    ['a chunk size with leading zeros', chunked(`00005\r\nhello\r\n0\r\n\r\n`), posted],
    ['a last chunk of many zeros', chunked(`5\r\nhello\r\n00000\r\n\r\n`), posted],
    [
      'a chunk that holds what looks like the last one',
      chunked('5\r\n0\r\n\r\n\r\n0\r\n\r\n'),
      { line: 'POST /odoo', body: '0\r\n\r\n' },
    ],
    ['a chunk of line ends', chunked('4\r\n\r\n\r\n\r\n0\r\n\r\n'), { line: 'POST /odoo', body: '\r\n\r\n' }],
    [
      'a body of a thousand chunks',
      chunked(`${'1\r\nx\r\n'.repeat(1000)}0\r\n\r\n`),
      { line: 'POST /odoo', body: 'x'.repeat(1000) },
    ],
  ]),
  {
    name: 'a body with extensions, trailers and sizes of all kinds loses them and',
    bytes: chunked(
      '02;a=b\r\nhe\r\n3;c="d";e\r\nllo\r\n000;z\r\nX-Forwarded-For: 203.0.113.9\r\nCookie: session_id=x\r\n\r\n',
    ),
    reaches: [posted],
  },
  {
    name: 'a request behind a chunked body',
    bytes: `${chunked('5\r\nhello\r\n0\r\n\r\n')}${get('', '/web')}`,
    reaches: [posted, { line: 'GET /web' }],
  },
  {
    name: 'a chunk behind the last one',
    bytes: chunked('5\r\nhello\r\n0\r\n\r\n5\r\nhello\r\n0\r\n\r\n'),
    reaches: [posted],
    // It stands where a request line should.
    refused: '400 framing_invalid',
  },
  ...extensionCases(),
  ...trailerCases(),
];

/** §7.1.1: read by the grammar, dropped; never passed on, since the body goes on with a length. No optional blanks (BWS). */
function extensionCases(): WireCase[] {
  const wrong = [
    ';',
    ';;',
    ';a;',
    ';;a',
    ';=',
    ';=a',
    ';a=',
    ';a==b',
    ';a=b=c',
    ';a=b c',
    ';a b',
    ' ;a',
    '; a',
    ';a =b',
    ';a= b',
    ';a=b ',
    ';a\t',
    ';a,b',
    ';a="',
    ';a="b',
    ';a=b"',
    ';a="b"c',
    ';a="b""c"',
    ';a="b\\"',
    ';"a"=b',
    ';a=(b)',
    ';a=\xe9',
    ';\xe9',
    ';a@b',
    ';a=[b]',
    ';a:b',
    ';a={b}',
  ];
  const right = [
    ';a',
    ';a=b',
    ';a=b;c=d',
    ';a="b"',
    ';a="b;c=d"',
    ';a=""',
    ';a="b\\"c"',
    ';a="b\\\\"',
    ';a="\xe9"',
    ';a="b c\td"',
    ";!#$%&'*+-.^_`|~0=1",
  ];
  return [
    ...refusing(
      '400 framing_invalid',
      wrong.map((text) => [`a chunk extension of ${JSON.stringify(text)}`, sized(`5${text}`)] as const),
    ),
    ...refusing(
      '400 framing_invalid',
      controlsBut('\t', '\r', '\n').map(
        (control) => [`a quoted chunk extension with ${hex(control)}`, sized(`5;a="b${control}c"`)] as const,
      ),
    ),
    ...refusing('400 framing_invalid', [
      ['a chunk extension that ends with a bare LF', chunked('5;a\nhello\r\n0\r\n\r\n')],
      ['a chunk extension with a bare LF', chunked('5;a\nb\r\nhello\r\n0\r\n\r\n')],
      ['a chunk extension with a bare CR', chunked('5;a\rb\r\nhello\r\n0\r\n\r\n')],
      ['a quoted chunk extension with a bare LF', chunked('5;a="\n"\r\nhello\r\n0\r\n\r\n')],
      ['a quoted chunk extension with a line end', chunked('5;a="\r\nhello\r\n0\r\n\r\n"\r\n')],
      ['an extension of the last chunk that ends with a bare LF', chunked('5\r\nhello\r\n0;a\n\r\n')],
      // CVE-2024-22019 of Node: what is read and dropped costs time without a limit.
      ['a chunk extension of 17 KiB', sized(`5;${'a'.repeat(17 * 1024)}`)],
      [
        'a flood of chunk extensions, each of them small,',
        chunked(`${`1;${'a'.repeat(30)}\r\nx\r\n`.repeat(600)}0\r\n\r\n`),
      ],
    ]),
    ...reaching([
      ...right.map(
        (text) =>
          [
            `a body loses the chunk extension ${JSON.stringify(text)} and`,
            sized(`5${text}`),
            posted,
          ] as const,
      ),
      ['a body loses the extension of its last chunk and', chunked('5\r\nhello\r\n0;a=b\r\n\r\n'), posted],
      ['a body loses a chunk extension of 15 KiB and', sized(`5;${'a'.repeat(15 * 1024)}`), posted],
    ]),
  ];
}

/** §7.1.2: checked like fields, because a reader that does not check them takes them for a request, and dropped. */
function trailerCases(): WireCase[] {
  return [
    ...refusing('400 framing_invalid', [
      // gevent CVE-2023-41419.
      [
        'a request in place of trailers',
        chunked('5\r\nhello\r\n0\r\nGET /web/database/manager HTTP/1.1\r\n\r\n'),
      ],
      ['a trailer without a colon', trailed('X-A\r\n')],
      ['a trailer without a name', trailed(': x\r\n')],
      ['a trailer with a blank before its colon', trailed('X-A : x\r\n')],
      ['a trailer behind a blank', trailed(' X-A: x\r\n')],
      ['a folded trailer', trailed('X-A: x\r\n y\r\n')],
      ['a trailer with a bare LF', trailed('X-A: x\nX-B: y\r\n')],
      ['a trailer with a bare CR', trailed('X-A: x\rX-B: y\r\n')],
      ['a trailer that ends with a bare LF', chunked('5\r\nhello\r\n0\r\nX-A: x\n\r\n')],
      ['trailers that end with a bare LF', chunked('5\r\nhello\r\n0\r\nX-A: x\r\n\n')],
      ['a trailer of 17 KiB', trailed(`X-A: ${'a'.repeat(17 * 1024)}\r\n`)],
      ['101 trailers', trailed('X-A: 1\r\n'.repeat(101))],
      ...controlsBut('\t', '\r', '\n').map(
        (control) => [`a trailer with ${hex(control)}`, trailed(`X-A: ${control}\r\n`)] as const,
      ),
    ]),
    ...reaching([
      ['a body loses a trailer and', trailed('X-Mine-A: x\r\n'), posted],
      ['a body loses 100 trailers and', trailed('X-A: 1\r\n'.repeat(100)), posted],
      [
        'a body loses trailers that name a client and',
        trailed('X-Forwarded-For: 203.0.113.9\r\nX-Bulkhead-Zone: admin\r\n'),
        posted,
      ],
      [
        'a body loses a session in its trailers and',
        trailed('Cookie: session_id=x\r\nAuthorization: Bearer x\r\n'),
        posted,
      ],
      ['a body loses a Content-Length in its trailers and', trailed('Content-Length: 50\r\n'), posted],
      [
        'a body loses a Transfer-Encoding in its trailers and',
        trailed('Transfer-Encoding: chunked\r\n'),
        posted,
      ],
      ['a body loses a Host in its trailers and', trailed('Host: admin.erp.example\r\n'), posted],
      ['a body loses a Connection in its trailers and', trailed('Connection: close\r\n'), posted],
    ]),
    {
      name: 'a request behind trailers',
      bytes: `${trailed('X-A: x\r\n')}${get('', '/web')}`,
      reaches: [posted, { line: 'GET /web' }],
    },
  ];
}
