import fc, { type Arbitrary } from 'fast-check';

// Pieces that requests and answers have in common. Everything is right most of the time and wrong sometimes: a stream with one
// defect shows what a parser does about it, and one with ten is refused at the first.

/** `right`, and one time in `times` one of the others. */
export function mostly<T>(right: Arbitrary<T>, wrong: readonly T[], times = 40): Arbitrary<T> {
  return fc.oneof(
    { weight: times - 1, arbitrary: right },
    { weight: 1, arbitrary: fc.constantFrom(...wrong) },
  );
}

export function mostlyIs(right: string, wrong: readonly string[], times = 40): Arbitrary<string> {
  return mostly(fc.constant(right), wrong, times);
}

export function joined(...parts: readonly Arbitrary<string>[]): Arbitrary<string> {
  return fc.tuple(...parts).map((texts) => texts.join(''));
}

function repeated(part: Arbitrary<string>, maxLength: number): Arbitrary<string> {
  return fc.array(part, { maxLength }).map((texts) => texts.join(''));
}

export const lineEnd = mostlyIs('\r\n', ['\n', '\r', '\r\r\n', '\n\r', '', '\0\r\n', '\x85', ' \r\n', '\r\n '], 120);
const anyByte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const tokenText = fc.string({ unit: fc.constantFrom(...'abcXYZ019!#$%&*+-.^_|~'), minLength: 1, maxLength: 6 });
const valueText = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: fc.constantFrom(...'ab1 ,;=:"\\\t/\xe9\x80\xff'), maxLength: 10 }) },
  { weight: 1, arbitrary: fc.array(anyByte, { maxLength: 4 }).map((bytes) => bytes.join('')) },
);

const blank = mostlyIs(' ', ['', '  ', '\t', ' \t ', '\x0b', '\x0c', '\xa0', '\r\n ', '\r\n\t', '\0'], 12);
const blankBehind = mostlyIs('', [' ', '\t', ' \t', '\x0b', '\x0c', '\xa0', '\r\n ', '\r', '\0'], 20);
const colon = mostlyIs(':', [' :', '\t:', '::', '', '\0:', '\r\n:', ';', '=', '\x0b:', '_:'], 80);

/** A field line of this name; blanks and ends are drawn. */
export function fieldLine(name: Arbitrary<string>, value: Arbitrary<string>): Arbitrary<string> {
  return joined(mostlyIs('', [' ', '\t', '\0', '\xa0'], 150), name, colon, blank, value, blankBehind, lineEnd);
}

export function spelled(name: string): Arbitrary<string> {
  const wrong = [
    name.toUpperCase(),
    name.toLowerCase(),
    name.replace('-', '_'),
    name.replace('-', ''),
    name.replace('-', '\xad'),
    `${name}\0`,
    `x${name}`,
    `${name}s`,
    `"${name}"`,
    name.replace(/k|s/i, '\xe2\x84\xaa'),
  ];
  return mostlyIs(name, wrong, 15);
}

const otherName = mostly(
  tokenText,
  ['', 'a b', 'a\0', 'é', '\xff', '(a)', '@', 'a\r', '__proto__', 'constructor', 'Trailer', 'TE', 'Keep-Alive', 'Proxy-Connection', 'a"', '\x7f'],
  10,
);
const otherField = fieldLine(otherName, valueText);
const noField = fc.constantFrom('\r\n', ' \r\n', 'a\r\n', ' folded\r\n', '\t\r\n', ':\r\n', ': a\r\n', '\n', '\r', 'GET / HTTP/1.1\r\n', '\0\r\n');

export const connectionField = fieldLine(
  spelled('Connection'),
  fc.constantFrom('close', 'keep-alive', 'Close', 'close, keep-alive', 'keep-alive, close', 'closed', 'upgrade', 'x', '', ',close', 'close,', 'close;a', 'c\tlose', 'Keep-Alive,Upgrade', 'te, content-length', 'transfer-encoding, close', '"close"', 'close close'),
);
export const upgradeField = fieldLine(spelled('Upgrade'), fc.constantFrom('websocket', 'h2c', 'WebSocket', 'TLS/1.0', ''));

/** Up to some field lines that frame nothing. */
export function otherFields(...special: readonly Arbitrary<string>[]): Arbitrary<string> {
  return repeated(
    fc.oneof(
      { weight: 12, arbitrary: otherField },
      { weight: 1, arbitrary: noField },
      ...special.map((arbitrary) => ({ weight: 3, arbitrary })),
    ),
    3,
  );
}

/** Spellings of a number that a careless reader takes for the same number, or for another one. */
function miswritten(digits: string): string[] {
  return [
    `+${digits}`, `-${digits}`, `0x${digits}`, `0${digits}`, `00000000000000000${digits}`, `${digits}.0`, `${digits}e0`,
    `${digits} `, `${digits},${digits}`, `${digits}, ${digits}`, `${digits},0`, `${digits} ${digits}`, `${digits}_`, `_${digits}`,
    `${digits};`, `"${digits}"`, '', ' ', 'x', '0', '1', `${digits}0`, `${digits}\0`, `\xa0${digits}`, '18446744073709551616',
    '18446744073709551621', '9007199254740993', '4294967301', '\xd9\xa5', '0b101', '1e1', 'NaN', 'Infinity',
  ];
}

const content = fc.oneof(
  fc.constantFrom('', 'a', 'hello', '0\r\n\r\n', 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n', '\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  fc.array(anyByte, { maxLength: 12 }).map((bytes) => bytes.join('')),
);

const hexOf = (size: number): string[] => {
  const digits = size.toString(16);
  return [...miswritten(digits), `${digits}h`, `0X${digits}`, `0${digits}`, digits.toUpperCase(), (size + 1).toString(16), 'g', '10000000000000000', `1000000000000000${digits}`];
};
const extension = mostlyIs(
  '',
  [';', ';a', ';a=b', ';a="b"', ';a="b', ';a="\r\n"', ';a="\n"', '; a', ' ;a', ';a =b', ';a= b', ';a=b;c', ';a="\\""', ';a="\\', ';\0', ';a\n', ';a\rb', ';=b', ';a=', ';;', ';a="b"c', ' ', '\t', ' x', ';\xe9', ';a=\xe9', ';a="\xe9"', ';a=b ', ';a="x;y"', ';a="0\r\n\r\nGET /hidden HTTP/1.1\r\n"'],
  6,
);
const chunkEnd = mostlyIs('\r\n', ['\n', '\r', '\r\r\n', '\n\r', '', 'x\r\n', ' \r\n', '\r\n\r\n', '\r\nx'], 50);

function chunk(data: Arbitrary<string>): Arbitrary<string> {
  return data.chain((text) =>
    joined(mostlyIs(text.length.toString(16), hexOf(text.length), 12), extension, chunkEnd, fc.constant(text), chunkEnd),
  );
}

const trailers = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  {
    weight: 3,
    arbitrary: repeated(
      fc.oneof(otherField, fieldLine(fc.constantFrom('Content-Length', 'Transfer-Encoding', 'Host'), fc.constantFrom('5', 'chunked', 'a')), noField),
      2,
    ),
  },
);

const chunkedBody = joined(
  repeated(chunk(content.filter((text) => text !== '')), 3),
  mostlyIs('0', ['00', '000000000000', '0000000000000000000', '-0', '+0', '0x0', '', ' 0', '0 ', '0\t', 'x', '0;', '0_'], 15),
  extension,
  chunkEnd,
  trailers,
  mostlyIs('\r\n', ['\n', '\r', '', '\r\r\n', ' \r\n', '\0\r\n', '\r\n\n'], 25),
);

const chunkedWords = [
  'Chunked', 'CHUNKED', 'chunked ', '', ' ', 'identity', 'gzip', 'gzip, chunked', 'identity, chunked', 'chunked, identity', 'chunked, chunked',
  ', chunked', 'chunked,', 'chunked;q=1', 'xchunked', 'chunkedx', '"chunked"', '\x0bchunked', 'chunked\x0b', 'chunked\0', 'chun\r\n ked', 'chunked\r\n ',
  '\r\n chunked', 'chunked\t', 'chun ked', 'chunked chunked', 'chun\xe2\x84\xaaed', '\xa0chunked', 'chunke', 'gzip\r\nTransfer-Encoding: chunked',
];
const codingField = fieldLine(spelled('Transfer-Encoding'), mostlyIs('chunked', chunkedWords, 4));

function lengthField(size: number): Arbitrary<string> {
  return fieldLine(spelled('Content-Length'), mostlyIs(String(size), miswritten(String(size)), 5));
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
      fields: fc.array(fc.oneof(lengthField(5), lengthField(0), codingField), { minLength: 2, maxLength: 3 }).map((lines) => lines.join('')),
      body: fc.oneof(chunkedBody, content),
    }),
  },
  { weight: 1, arbitrary: fc.record({ fields: fc.oneof(lengthField(5), lengthField(0), codingField), body: content }) },
);
