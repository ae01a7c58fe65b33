import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkHead, ChunkedReader, lastChunk } from './chunked.ts';

interface Reading {
  body: string;
  /** Behind the last byte that was taken; -1 for a broken coding. */
  end: number;
  done: boolean;
}

/** Feeds a text in pieces of the given sizes, the rest as one. */
function read(text: string, sizes: readonly number[] = []): Reading {
  const reader = new ChunkedReader();
  const bytes = Buffer.from(text, 'latin1');
  let body = '';
  const sink = { onBodyPiece: (piece: Buffer) => void (body += piece.toString('latin1')) };
  let at = 0;
  for (const size of [...sizes, Infinity]) {
    const piece = bytes.subarray(at, Math.min(bytes.length, at + size));
    const end = reader.feed(piece, 0, sink);
    if (end === -1) return { body, end: -1, done: reader.done };
    at += end;
    if (reader.done) break;
  }
  return { body, end: at, done: reader.done };
}

const byBytes = (text: string): Reading =>
  read(
    text,
    Array.from(text, () => 1),
  );

describe('ChunkedReader', () => {
  test.each<[string, string, string]>([
    ['no data', '0\r\n\r\n', ''],
    ['one chunk', '5\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['many', '1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n', 'abcdef'],
    [
      'sizes in capitals and small letters',
      `A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n`,
      '01234567890123456789a',
    ],
    ['leading zeros', '0000000000005\r\nhello\r\n0000000000000\r\n\r\n', 'hello'],
    ['line ends and sizes in the data', '9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n', '\r\n0\r\n\r\n\r\n'],
    ['extensions', '5;a;b=c;d="e;\\"f"\r\nhello\r\n0;x\r\n\r\n', 'hello'],
    ['an empty quoted value', '1;a=""\r\na\r\n0\r\n\r\n', 'a'],
    ['trailers', '1\r\na\r\n0\r\nA: 1\r\nB:2\r\n\r\n', 'a'],
  ])('reads %s, whole and byte by byte', (_name, text, body) => {
    expect(read(text)).toEqual({ body, end: text.length, done: true });
    expect(byBytes(text)).toEqual({ body, end: text.length, done: true });
  });

  test.each([
    ['no size', '\r\n'],
    ['a sign', '+5\r\nhello'],
    ['a minus', '-1\r\n'],
    ['a prefix', '0x5\r\nhello'],
    ['an underscore', '1_0\r\n'],
    ['a blank before the size', ' 5\r\nhello'],
    ['a blank behind the size', '5 \r\nhello'],
    ['a blank before an extension', '5 ;a\r\nhello'],
    ['a blank in an extension', '5; a\r\nhello'],
    ['too many digits', '00000000000005\r\nhello'],
    ['a size that overflows', 'ffffffffffffffff\r\n'],
    ['a letter behind the size', '5g\r\n'],
    ['a bare LF behind the size', '5\nhello'],
    ['a bare CR behind the size', '5\rhello'],
    ['a bare LF in an extension', '5;a\nhello'],
    ['an extension without a name', '5;\r\nhello'],
    ['an extension with an empty value', '5;a=\r\nhello'],
    ['an extension that opens a quote', '5;a="b\r\nhello'],
    ['an extension with text behind its quote', '5;a="b"c\r\nhello'],
    ['an extension with two values', '5;a=b=c\r\nhello'],
    ['an extension with a control character', '5;a="\0"\r\nhello'],
    ['data that is longer than its size', '5\r\nhello!\r\n'],
    ['data that ends with LF alone', '5\r\nhello\n'],
    ['data that ends with CR alone', '5\r\nhello\rx'],
    ['a bare LF behind the last chunk', '0\r\n\n'],
    ['a trailer that is no field', '0\r\nabc\r\n\r\n'],
    ['a trailer with a blank before its colon', '0\r\nA : 1\r\n\r\n'],
    ['a folded trailer', '0\r\nA: 1\r\n b\r\n\r\n'],
    ['a trailer that ends with LF alone', '0\r\nA: 1\n\r\n'],
    ['a bare CR in a trailer', '0\r\nA: 1\rB: 2\r\n\r\n'],
  ])('refuses %s, whole and byte by byte', (_name, text) => {
    expect(read(text).end).toBe(-1);
    expect(byBytes(text).end).toBe(-1);
  });

  test.each([
    ['extensions of one chunk', (bytes: number) => `1;${'a'.repeat(bytes - 1)}\r\nx\r\n0\r\n\r\n`],
    ['trailers', (bytes: number) => `1\r\nx\r\n0\r\nA:${'a'.repeat(bytes - 2)}\r\n\r\n`],
    [
      'both together',
      (bytes: number) =>
        `1;${'a'.repeat(999)}\r\nx\r\n0;${'a'.repeat(999)}\r\nA:${'a'.repeat(bytes - 2002)}\r\n\r\n`,
    ],
  ])('drops 16 KiB of %s and refuses more', (_name, make) => {
    const most = make(16 * 1024);
    expect(read(most)).toEqual({ body: 'x', end: most.length, done: true });
    expect(read(make(16 * 1024 + 1)).end).toBe(-1);
  });

  test('counts extensions over all chunks', () => {
    expect(read('1;a\r\nx\r\n'.repeat(8192))).toMatchObject({ end: 8 * 8192, done: false });
    expect(read('1;a\r\nx\r\n'.repeat(8193)).end).toBe(-1);
  });

  test('refuses more than 100 trailers', () => {
    const trailers = (count: number): string => `0\r\n${'A: 1\r\n'.repeat(count)}\r\n`;
    expect([read(trailers(100)).done, read(trailers(101)).end]).toEqual([true, -1]);
  });

  test('takes nothing behind the last chunk', () => {
    expect(read('1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n')).toEqual({ body: 'a', end: 11, done: true });
    const reader = new ChunkedReader();
    const sink = { onBodyPiece() {} };
    reader.feed(Buffer.from('0\r\n\r\n'), 0, sink);
    expect(reader.feed(Buffer.from('1\r\na\r\n'), 0, sink)).toBe(0);
  });

  test('begins where it is told to', () => {
    let body = '';
    const end = new ChunkedReader().feed(Buffer.from('xx2\r\nab\r\n0\r\n\r\nyy'), 2, {
      onBodyPiece: (piece) => void (body += piece.toString()),
    });
    expect([body, end]).toEqual(['ab', 14]);
  });

  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 });

  test('gives the body that was sent, however it is cut into chunks and pieces', () => {
    const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 12 });
    const extension = fc.constantFrom('', ';a', ';a=b', ';a="b;c"');
    const trailers = fc.constantFrom('', 'A: 1\r\n', 'A: 1\r\nB: \r\n');
    fc.assert(
      fc.property(chunks, extension, trailers, fc.string(), sizes, (parts, ext, fields, behind, cuts) => {
        const text = (part: Uint8Array): string => Buffer.from(part).toString('latin1');
        const coded = `${parts
          .map((part) => `${chunkHead(part.length).replace('\r', `${ext}\r`)}${text(part)}\r\n`)
          .join('')}0\r\n${fields}\r\n`;
        const reading = read(coded + behind.replace(/[^ -~]/g, '?'), cuts);
        expect(reading).toEqual({ body: parts.map(text).join(''), end: coded.length, done: true });
      }),
      { numRuns: 300 },
    );
  });

  test('judges anything alike, however it is cut', () => {
    const soup = fc.string({
      unit: fc.constantFrom(
        '0',
        '1',
        '2',
        'a',
        ';',
        '=',
        '"',
        '\\',
        ':',
        ' ',
        '\r\n',
        '\r\n',
        '\r',
        '\n',
        '0\r\n\r\n',
      ),
      maxLength: 30,
    });
    fc.assert(
      fc.property(soup, sizes, (text, cuts) => {
        const whole = read(text);
        const cut = read(text, cuts);
        expect([cut.body, cut.end, cut.done]).toEqual([whole.body, whole.end, whole.done]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('reads what is written for the other side', () => {
    const data = 'x'.repeat(300);
    expect(read(`${chunkHead(300)}${data}\r\n${lastChunk}`)).toEqual({ body: data, end: 312, done: true });
    expect([chunkHead(1), chunkHead(255), chunkHead(65_536), lastChunk]).toEqual([
      '1\r\n',
      'ff\r\n',
      '10000\r\n',
      '0\r\n\r\n',
    ]);
  });
});
