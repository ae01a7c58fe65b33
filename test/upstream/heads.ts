import {
  end,
  type Fault,
  fine,
  flood,
  invalid,
  lines,
  okLine,
  read,
  request,
  type Sees,
  type Step,
  whole,
  write,
} from './fault.ts';

// Status lines, field lines, their sizes and their number (RFC 9112 §§4, 5; RFC 9110 §§5, 15).

const answers = (bytes: string): readonly Step[] => [request, write(bytes)];
const two = 'Content-Length: 2';
const printed = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);

const refusedStatusLines = [
  // RFC 9112 §2.3: the version. An upstream that speaks another one is not understood by chance.
  'HTTP/3.0 200 OK',
  'HTTP/2.0 200 OK',
  'HTTP/2 200 OK',
  'HTTP/0.9 200 OK',
  'HTTP/1.2 200 OK',
  'HTTP/1.10 200 OK',
  'HTTP/01.1 200 OK',
  'HTTP/1,1 200 OK',
  'HTTP/1 200 OK',
  'HTTP/.1 200 OK',
  'http/1.1 200 OK',
  'Http/1.1 200 OK',
  'HTTP /1.1 200 OK',
  'HTTP/1.1\t200 OK',
  'HTTP/1.1  200 OK',
  'HTTP/1.1',
  'ICY 200 OK',
  'SIP/2.0 200 OK',
  ' HTTP/1.1 200 OK',
  '\xef\xbb\xbfHTTP/1.1 200 OK',
  'HTTP/1.1HTTP/1.1 200 OK',
  'GET /odoo HTTP/1.1',
  // RFC 9110 §15: the status.
  ...[
    '',
    '0',
    '20',
    '99',
    '000',
    '099',
    '600',
    '999',
    '1000',
    '2000',
    '2x0',
    '-200',
    '+20',
    '0x1',
    '2 0',
    '20.0',
    '\xb200',
  ].map((status) => `HTTP/1.1 ${status} X`),
  'HTTP/1.1 200\tOK',
  'HTTP/1.1 200OK',
  'HTTP/1.1 200: OK',
  // RFC 9112 §4: the phrase. It is not passed on, and may not hide a line end all the same.
  'HTTP/1.1 200 O\0K',
  'HTTP/1.1 200 O\rK',
  'HTTP/1.1 200 O\x1bK',
  'HTTP/1.1 200 O\x7fK',
  'HTTP/1.1 200 OK\nX-A: b',
  'HTTP/1.1 200 OK\r',
];

const statusLines: Fault[] = [
  ...refusedStatusLines.map((line) => ({
    name: `begins with ${printed(line)}`,
    steps: answers(`${lines(line, two)}ok`),
    sees: invalid,
  })),
  ...[200, 201, 226, 299, 300, 399, 400, 418, 499, 500, 503, 599].map((status) => ({
    name: `answers with status ${status}`,
    steps: answers(`${lines(`HTTP/1.1 ${status} Whatever`, two)}ok`),
    sees: whole('ok', { status }),
    reuse: true,
  })),
  ...['HTTP/1.1 200 ', 'HTTP/1.1 200 \xe4\t!"', `HTTP/1.1 200 ${'k'.repeat(2_000)}`].map((line) => ({
    name: `begins with ${printed(line)}`,
    steps: answers(`${lines(line, two)}ok`),
    sees: whole('ok'),
    reuse: true,
  })),
  {
    // The blank in front of a phrase that is not there is left out by many; nothing can be read into that.
    name: 'says no phrase and no blank in front of it',
    steps: answers(`${lines('HTTP/1.1 200', two)}ok`),
    sees: [invalid, whole('ok')],
    reuse: 'may',
  },
];

/** Bytes that are no answer at all. */
const garbage: Fault[] = [
  ['garbage', '\x00\x01\x02 nothing\r\n\r\n'],
  ['an HTTP/0.9 answer', '<html>hello</html>'],
  ['a TLS alert', '\x15\x03\x03\x00\x02\x02\x16'],
  ['HTTP/2 settings', '\x00\x00\x00\x04\x00\x00\x00\x00\x00'],
  ['the greeting of SSH', 'SSH-2.0-server\r\n'],
  ['the greeting of SMTP', '220 mail ready\r\n'],
  ['a JSON text', '{"jsonrpc": "2.0", "result": true}\r\n\r\n'],
  ['an empty line', '\r\n'],
  ['empty lines', '\r\n\r\n\r\n'],
  ['an empty line before its answer', `\r\n${fine('hello')}`],
  ['a line feed before its answer', `\n${fine('hello')}`],
  ['a NUL before its answer', `\0${fine('hello')}`],
  ['a body before its answer', `hello${fine('hello')}`],
  ['fields without a status line', lines('Content-Length: 0')],
  ['an answer in UTF-16', fine('hello').split('').join('\0')],
].map(([what, bytes = '']) => ({
  name: `sends ${what}`,
  steps: [request, write(bytes), end],
  sees: invalid,
}));

const refusedFields: [what: string, field: string][] = [
  ['a blank in a name', 'X A: b'],
  // RFC 9112 §5.1 lets a proxy remove it; nobody who is sane sends it.
  ['a blank before a colon', 'Content-Type : text/html'],
  ['a tab before a colon', 'Content-Type\t: text/html'],
  ['a blank before a length', 'Content-Length : 2'],
  ['no name', ': b'],
  ['no colon', 'X-A'],
  ['a colon alone', ':'],
  // RFC 9112 §5.2: a folded line.
  ['a value that goes on in the next line', 'X-A: a\r\n b'],
  ['a value that goes on behind a tab', 'X-A: a\r\n\tb'],
  ['a line of a blank', ' '],
  // RFC 9112 §2.2: line ends.
  ['a line that ends in LF', 'X-A: a\nX-B: b'],
  ['a line that ends in CR', 'X-A: a\rX-B: b'],
  ['a line that ends in CR CR LF', 'X-A: a\r'],
  ['a name with a byte above ASCII', 'X-\xc4: b'],
  ['a name with a NUL', 'X-A\0: b'],
  ['a name with DEL', 'X-A\x7f: b'],
  ...'()<>@,;\\"/[]?={}'
    .split('')
    .map((character): [string, string] => [`${character} in a name`, `X${character}A: b`]),
];

const fieldLines: Fault[] = [
  ...refusedFields.map(([what, field]) => ({
    name: `answers with ${what}`,
    steps: answers(`${lines(okLine, field, two)}ok`),
    sees: invalid,
  })),
  {
    name: 'begins its fields with a blank',
    steps: answers(`${lines(okLine, ` ${two}`)}ok`),
    sees: invalid,
  },
  {
    name: 'ends every line in LF',
    // A reader that looks for CRLF CRLF may wait for it; the end tells.
    steps: [request, write(`${lines(okLine, two)}ok`.replaceAll('\r', '')), end],
    sees: invalid,
  },
  {
    name: 'ends its head in LF LF',
    steps: [request, write(`${okLine}\r\n${two}\n\nok`), end],
    sees: invalid,
  },
  {
    name: 'ends its head in CRLF LF',
    steps: [request, write(`${okLine}\r\n${two}\r\n\nok`), end],
    sees: invalid,
  },
  {
    name: 'ends its head in CR CR',
    steps: [request, write(`${okLine}\r\n${two}\r\rok`), end],
    sees: invalid,
  },
  {
    name: 'writes names and values as it likes',
    steps: answers(
      `${lines(okLine, 'X-EMPTY:', 'x-Tight:a', 'X-Wide: \t a b \t', 'X-Latin: caf\xe9', 'X-Tab: a\tb', 'X-Colon: :b:', "x!#$%&'*+.^_`|~1: y", two)}ok`,
    ),
    sees: whole('ok', {
      fields: [
        'x-empty: ',
        'x-tight: a',
        'x-wide: a b',
        'x-latin: caf\xe9',
        'x-tab: a\tb',
        'x-colon: :b:',
        "x!#$%&'*+.^_`|~1: y",
      ],
      framing: ['content-length: 2'],
    }),
    reuse: true,
  },
];

const counted = (count: number): string[] => Array.from({ length: count }, (_, i) => `X-${i}: y`);
const sized = (bytes: number): string => `X-A: ${'a'.repeat(bytes)}`;

/** A head is at most 64 KiB long and has at most 500 fields. */
const sizes: Fault[] = [
  ...(
    [
      ['60,000 bytes in one field', [sized(60_000)], whole('ok')],
      ['70,000 bytes in one field', [sized(70_000)], invalid],
      ['60,000 bytes in 60 fields', Array.from({ length: 60 }, () => sized(993)), whole('ok')],
      ['70,000 bytes in 70 fields', Array.from({ length: 70 }, () => sized(993)), invalid],
      ['a name of 70,000 bytes', [`${'a'.repeat(70_000)}: b`], invalid],
      ['500 fields', counted(499), whole('ok')],
      ['501 fields', counted(500), invalid],
      ['5,000 fields', counted(5_000), invalid],
    ] satisfies [string, string[], Sees][]
  ).map(([what, fields, sees]): Fault => ({
    name: `answers with ${what}`,
    steps: answers(`${lines(okLine, ...fields, two)}ok`),
    sees,
    reuse: sees.kind === 'whole',
  })),
  {
    name: 'has a phrase of 70,000 bytes',
    steps: answers(`${lines(`${okLine}${'k'.repeat(70_000)}`, two)}ok`),
    sees: invalid,
  },
  ...(
    [
      ['status line', 'HTTP/1.1 200 ', 'OK'],
      ['name', `${okLine}\r\nX`, 'a'],
      ['value', `${okLine}\r\nX-A: `, 'a'],
      ['row of fields', `${okLine}\r\n`, 'X-A: b\r\n'],
      ['row of cookies', `${okLine}\r\n`, `Set-Cookie: a=${'b'.repeat(1_000)}\r\n`],
      ['row of empty lines', '', '\r\n'],
      ['row of blanks', '', ' '],
      ['row of NULs', '', '\0'],
    ] satisfies [string, string, string][]
  ).map(([what, begin, bytes]) => ({
    name: `sends an endless ${what}`,
    steps: [request, write(begin), read, flood(bytes)],
    sees: invalid,
    cut: true,
  })),
];

export const headFaults: readonly Fault[] = [...statusLines, ...garbage, ...fieldLines, ...sizes];
