import { controlsBut, get, hex, hostField, reaching, refusing, type WireCase } from '../wire-case.ts';

// RFC 9112 §5 and RFC 9110 §5.5, §5.6.2: field-name = token, field-value of visible characters, obs-text, SP and HTAB.

/** Delimiters of RFC 9110 §5.6.2 but the colon, and what is no character of ASCII. */
const notTokens = '"(),/;<=>?@[\\]{} \t\x80\xa0\xad\xe9\xff'.split('');
const tokenMarks = "!#$%&'*+-.^`|~".split('');

export const fieldSyntaxCases: WireCase[] = [
  ...refusing(
    '400 header_invalid',
    controlsBut('\t', '\r', '\n').flatMap(
      (control) =>
        [
          [`a field name with ${hex(control)}`, get(`X-${control}A: 1\r\n`)],
          [`a field value with ${hex(control)}`, get(`Accept: a${control}b\r\n`)],
          [`a field value that ends with ${hex(control)}`, get(`Accept: a${control}\r\n`)],
        ] as const,
    ),
  ),
  ...refusing(
    '400 header_invalid',
    notTokens.flatMap(
      (character) =>
        [
          [`a field name with ${JSON.stringify(character)}`, get(`X${character}A: 1\r\n`)],
          [`a field name that ends with ${JSON.stringify(character)}`, get(`Accept${character}: 1\r\n`)],
        ] as const,
    ),
  ),
  ...refusing('400 header_invalid', [
    // HAProxy CVE-2023-25725: an empty name ended the list of fields.
    ['a field without a name', get(': x\r\n')],
    ['a field that is a colon', get(':\r\n')],
    ['a field without a name and a blank', get(' : x\r\n')],
    ['a field without a colon', get('Accept\r\n')],
    ['a field without a colon at the end', get('Accept: a\r\nPragma\r\n')],
    ['a field that is one character', get('x\r\n')],
    ['a first field without a colon', `GET /odoo HTTP/1.1\r\nAccept\r\n${hostField}\r\n`],
    ['a request line twice', `GET /odoo HTTP/1.1\r\nGET /odoo HTTP/1.1\r\n${hostField}\r\n`],
    ['a status line for a field', get('HTTP/1.1 200 OK\r\n')],
  ]),
  // One value each for what decides something; nothing is wrong with the framing (canonicalise).
  ...refusing(
    '400 header_invalid',
    ['Authorization', 'Content-Type', 'Origin'].flatMap(
      (name) =>
        [
          [`a repeated ${name}`, get(`${name}: a\r\n${name}: a\r\n`)],
          [`a ${name} repeated in another case`, get(`${name}: a\r\n${name.toUpperCase()}: b\r\n`)],
        ] as const,
    ),
    'open',
  ),
  ...reaching([
    ...tokenMarks.map(
      (mark) =>
        [
          `a field name with ${mark}`,
          get(`X-Mine-${mark}a: 1\r\n`),
          { passed: [`x-mine-${mark}a: 1`] },
        ] as const,
    ),
    ['a field name in capitals', get('ACCEPT: a\r\n'), { passed: ['accept: a'] }],
    ['a field name with digits', get('X-Mine-0123456789: a\r\n'), { passed: ['x-mine-0123456789: a'] }],
    [
      'a field name of 1,000 characters',
      get(`X-Mine-${'a'.repeat(993)}: a\r\n`),
      { passed: [`x-mine-${'a'.repeat(993)}: a`] },
    ],
    ['a value without a blank before it', get('Accept:a\r\n'), { passed: ['accept: a'] }],
    ['a value between blanks', get('Accept: \t  a \t \r\n'), { passed: ['accept: a'] }],
    ['an empty value', get('Accept:\r\n'), { passed: ['accept: '] }],
    ['a value of blanks', get('Accept: \t \r\n'), { passed: ['accept: '] }],
    ['a value with a tab', get('Accept: a\tb\r\n'), { passed: ['accept: a\tb'] }],
    ['a value with many blanks', get('Accept: a   b\r\n'), { passed: ['accept: a   b'] }],
    ['a value with colons', get('Accept: a: b:c\r\n'), { passed: ['accept: a: b:c'] }],
    ['a value that begins with a colon', get('Accept:: a\r\n'), { passed: ['accept: : a'] }],
    [
      'a value with quotes',
      get('If-None-Match: W/"a", "b\\"c"\r\n'),
      { passed: ['if-none-match: W/"a", "b\\"c"'] },
    ],
    [
      'a value of every visible character',
      get(`Accept: ${visible()}\r\n`),
      { passed: [`accept: ${visible()}`] },
    ],
    // obs-text is opaque data (RFC 9110 §5.5), and no blank to anybody who reads bytes.
    ['a value in Latin-1', get('User-Agent: caf\xe9\r\n'), { passed: ['user-agent: caf\xe9'] }],
    ['a value in UTF-8', get('User-Agent: caf\xc3\xa9\r\n'), { passed: ['user-agent: caf\xc3\xa9'] }],
    ['a value between no-break spaces', get('Accept: \xa0a\xa0\r\n'), { passed: ['accept: \xa0a\xa0'] }],
    [
      'a value that begins with a byte order mark',
      get('Accept: \xef\xbb\xbfa\r\n'),
      { passed: ['accept: \xef\xbb\xbfa'] },
    ],
    [
      'a value of every byte above ASCII',
      get(`Accept: ${obsText()}\r\n`),
      { passed: [`accept: ${obsText()}`] },
    ],
    // RFC 9110 §5.3: the order of fields of one name means something.
    [
      'fields in their order',
      get('Pragma: 1\r\nAccept: 2\r\nDNT: 3\r\n'),
      { passed: ['pragma: 1', 'accept: 2', 'dnt: 3'] },
    ],
    [
      'repeated fields in their order',
      get('Accept: 1\r\nPragma: 2\r\naccept: 3\r\n'),
      { passed: ['accept: 1', 'pragma: 2', 'accept: 3'] },
    ],
    ['repeated cookies', get('Cookie: a=1\r\nCookie: b=2\r\n'), { passed: ['cookie: a=1', 'cookie: b=2'] }],
    [
      'a Host behind other fields',
      `GET /odoo HTTP/1.1\r\nAccept: a\r\n${hostField}Pragma: b\r\n\r\n`,
      { passed: ['accept: a', 'pragma: b'] },
    ],
    // CVE-2026-21710 of Node: a lookup of these names in a plain object throws or answers.
    ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'].map(
      (name) =>
        [
          `a field called ${name} is dropped: such a request`,
          get(`${name}: x\r\nAccept: q\r\n`),
          { passed: ['accept: q'] },
        ] as const,
    ),
    [
      'a field called x-mine-constructor',
      get('X-Mine-Constructor: x\r\n'),
      { passed: ['x-mine-constructor: x'] },
    ],
    ['a field that nobody knows is dropped: such a request', get('X-Unheard-Of: 1\r\n'), {}],
  ]),
];

function visible(): string {
  return Array.from({ length: 0x7e - 0x21 + 1 }, (_, index) => String.fromCharCode(0x21 + index)).join('');
}

function obsText(): string {
  return Array.from({ length: 0x80 }, (_, index) => String.fromCharCode(0x80 + index)).join('');
}
