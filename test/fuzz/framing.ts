import fc, { type Arbitrary } from 'fast-check';
import { anyByte, fieldLine, joined, mostlyIs, noField, otherField, repeated, spelled } from './grammar.ts';

/** Spellings of a number that a careless reader takes for the same number, or for another one. */
function miswritten(digits: string): string[] {
  return [
    `+${digits}`,
    `-${digits}`,
    `0x${digits}`,
    `0${digits}`,
    `00000000000000000${digits}`,
    `${digits}.0`,
    `${digits}e0`,
    `${digits} `,
    `${digits},${digits}`,
    `${digits}, ${digits}`,
    `${digits},0`,
    `${digits} ${digits}`,
    `${digits}_`,
    `_${digits}`,
    `${digits};`,
    `"${digits}"`,
    '',
    ' ',
    'x',
    '0',
    '1',
    `${digits}0`,
    `${digits}\0`,
    `\xa0${digits}`,
    '18446744073709551616',
    '18446744073709551621',
    '9007199254740993',
    '4294967301',
    '\xd9\xa5',
    '0b101',
    '1e1',
    'NaN',
    'Infinity',
  ];
}

const content = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'hello',
    '0\r\n\r\n',
    'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n',
    '\r\n',
    '5\r\nhello\r\n0\r\n\r\n',
  ),
  fc.array(anyByte, { maxLength: 12 }).map((bytes) => bytes.join('')),
);

function miswrittenHex(size: number): string[] {
  const digits = size.toString(16);
  return [
    `0x${digits}`,
    `0X${digits}`,
    `+${digits}`,
    `-${digits}`,
    `0${digits}`,
    ` ${digits}`,
    `${digits} `,
    `${digits}\t`,
    `\t${digits}`,
    `${digits}h`,
    `${digits}_`,
    `${digits},${digits}`,
    `"${digits}"`,
    `${digits}.0`,
    digits.toUpperCase(),
    (size + 1).toString(16),
    (size - 1).toString(16),
    '',
    'g',
    `1000000000000000${digits}`,
    `000000000000000000000${digits}`,
    `\xa0${digits}`,
    `${digits}\0`,
  ];
}
const extension = mostlyIs(
  '',
  [
    ';',
    ';a',
    ';a=b',
    ';a="b"',
    ';a="b',
    ';a="\r\n"',
    ';a="\n"',
    '; a',
    ' ;a',
    ';a =b',
    ';a= b',
    ';a=b;c',
    ';a="\\""',
    ';a="\\',
    ';\0',
    ';a\n',
    ';a\rb',
    ';=b',
    ';a=',
    ';;',
    ';a="b"c',
    ' ',
    '\t',
    ' x',
    ';\xe9',
    ';a=\xe9',
    ';a="\xe9"',
    ';a=b ',
    ';a="x;y"',
    ';a="0\r\n\r\nGET /hidden HTTP/1.1\r\n"',
  ],
  6,
);
const chunkEnd = mostlyIs(
  '\r\n',
  ['\n', '\r', '\r\r\n', '\n\r', '', 'x\r\n', ' \r\n', '\r\n\r\n', '\r\nx'],
  20,
);

function chunk(data: Arbitrary<string>): Arbitrary<string> {
  return data.chain((text) =>
    joined(
      mostlyIs(text.length.toString(16), miswrittenHex(text.length), 5),
      extension,
      chunkEnd,
      fc.constant(text),
      chunkEnd,
    ),
  );
}

const trailers = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  {
    weight: 3,
    arbitrary: repeated(
      fc.oneof(
        otherField,
        fieldLine(
          fc.constantFrom('Content-Length', 'Transfer-Encoding', 'Host'),
          fc.constantFrom('5', 'chunked', 'a'),
        ),
        noField,
      ),
      2,
    ),
  },
);

const chunkedBody = joined(
  repeated(chunk(content.filter((text) => text !== '')), 3),
  mostlyIs(
    '0',
    ['00', '000000000000', '0000000000000000000', '-0', '+0', '0x0', '', ' 0', '0 ', '0\t', 'x', '0;', '0_'],
    15,
  ),
  extension,
  chunkEnd,
  trailers,
  mostlyIs('\r\n', ['\n', '\r', '', '\r\r\n', ' \r\n', '\0\r\n', '\r\n\n'], 25),
);

const chunkedWords = [
  'Chunked',
  'CHUNKED',
  'chunked ',
  '',
  ' ',
  'identity',
  'gzip',
  'gzip, chunked',
  'identity, chunked',
  'chunked, identity',
  'chunked, chunked',
  ', chunked',
  'chunked,',
  'chunked;q=1',
  'xchunked',
  'chunkedx',
  '"chunked"',
  '\x0bchunked',
  'chunked\x0b',
  'chunked\0',
  'chun\r\n ked',
  'chunked\r\n ',
  '\r\n chunked',
  'chunked\t',
  'chun ked',
  'chunked chunked',
  'chun\xe2\x84\xaaed',
  '\xa0chunked',
  'chunke',
  'gzip\r\nTransfer-Encoding: chunked',
];
const codingField = fieldLine(spelled('Transfer-Encoding'), mostlyIs('chunked', chunkedWords, 4));

function lengthField(size: number): Arbitrary<string> {
  return fieldLine(spelled('Content-Length'), mostlyIs(String(size), miswritten(String(size)), 3));
}

/** Field lines about a body, and what stands behind the head. */
export interface Framing {
  fields: string;
  body: string;
}

/** Bodies with a length, with chunks, with both, with a length that is not theirs, and none. */
export const framing: Arbitrary<Framing> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ fields: '', body: '' }) },
  {
    weight: 4,
    arbitrary: content.chain((body) => lengthField(body.length).map((fields) => ({ fields, body }))),
  },
  { weight: 5, arbitrary: fc.record({ fields: codingField, body: chunkedBody }) },
  {
    weight: 1,
    arbitrary: fc.record({
      fields: fc
        .array(fc.oneof(lengthField(5), lengthField(0), codingField), { minLength: 2, maxLength: 3 })
        .map((lines) => lines.join('')),
      body: fc.oneof(chunkedBody, content),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ fields: fc.oneof(lengthField(5), lengthField(0), codingField), body: content }),
  },
);
