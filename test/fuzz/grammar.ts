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

export function repeated(part: Arbitrary<string>, maxLength: number): Arbitrary<string> {
  return fc.array(part, { maxLength }).map((texts) => texts.join(''));
}

export const lineEnd = mostlyIs(
  '\r\n',
  ['\n', '\r', '\r\r\n', '\n\r', '', '\0\r\n', '\x85', ' \r\n', '\r\n '],
  120,
);
export const anyByte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const tokenText = fc.string({
  unit: fc.constantFrom(...Array.from('abcXYZ019!#$%&*+-.^_|~')),
  minLength: 1,
  maxLength: 6,
});
const valueText = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.string({
      unit: fc.constantFrom(...Array.from('ab1 ,;=:"\\\t/\xe9\x80\xff')),
      maxLength: 10,
    }),
  },
  { weight: 1, arbitrary: fc.array(anyByte, { maxLength: 4 }).map((bytes) => bytes.join('')) },
);

const blank = mostlyIs(' ', ['', '  ', '\t', ' \t ', '\x0b', '\x0c', '\xa0', '\r\n ', '\r\n\t', '\0'], 12);
const blankBehind = mostlyIs('', [' ', '\t', ' \t', '\x0b', '\x0c', '\xa0', '\r\n ', '\r', '\0'], 20);
const colon = mostlyIs(':', [' :', '\t:', '::', '', '\0:', '\r\n:', ';', '=', '\x0b:', '_:'], 80);

/** A field line of this name; blanks and ends are drawn. */
export function fieldLine(name: Arbitrary<string>, value: Arbitrary<string>): Arbitrary<string> {
  return joined(
    mostlyIs('', [' ', '\t', '\0', '\xa0'], 150),
    name,
    colon,
    blank,
    value,
    blankBehind,
    lineEnd,
  );
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
  [
    '',
    'a b',
    'a\0',
    'é',
    '\xff',
    '(a)',
    '@',
    'a\r',
    '__proto__',
    'constructor',
    'Trailer',
    'TE',
    'Keep-Alive',
    'Proxy-Connection',
    'a"',
    '\x7f',
  ],
  10,
);
export const otherField = fieldLine(otherName, valueText);
export const noField = fc.constantFrom(
  '\r\n',
  ' \r\n',
  'a\r\n',
  ' folded\r\n',
  '\t\r\n',
  ':\r\n',
  ': a\r\n',
  '\n',
  '\r',
  'GET / HTTP/1.1\r\n',
  '\0\r\n',
);

export const connectionField = fieldLine(
  spelled('Connection'),
  fc.constantFrom(
    'close',
    'keep-alive',
    'Close',
    'close, keep-alive',
    'keep-alive, close',
    'closed',
    'upgrade',
    'x',
    '',
    ',close',
    'close,',
    'close;a',
    'c\tlose',
    'Keep-Alive,Upgrade',
    'te, content-length',
    'transfer-encoding, close',
    '"close"',
    'close close',
  ),
);
export const upgradeField = fieldLine(
  spelled('Upgrade'),
  fc.constantFrom('websocket', 'h2c', 'WebSocket', 'TLS/1.0', ''),
);

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
