import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDerChildren, readDerText, readDerValues, readObjectIdentifier } from './der.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

describe('DER values', () => {
  it.each<[string, string, [number, string][]]>([
    ['none', '', []],
    ['one that is empty', '0500', [[5, '']]],
    [
      'two side by side',
      '0201070101ff',
      [
        [2, '07'],
        [1, 'ff'],
      ],
    ],
    ['one with a long length', `048180${'00'.repeat(128)}`, [[4, '00'.repeat(128)]]],
  ])('are read: %s', (_, text, values) => {
    const read = readDerValues(hex(text));
    expect(read?.map(({ tag, content }) => [tag, content.toString('hex')])).toEqual(values);
  });

  it.each([
    ['no length', '02'],
    ['less content than the length says', '020200'],
    ['a length cut short', '0282'],
    ['an indefinite length', '30800000'],
    ['a length of more than three bytes', '048400000001ff'],
    ['a length that fits into one byte', '04810100'],
    ['a length with a leading zero', `04820080${'00'.repeat(128)}`],
    ['a tag of more than one byte', '1f2100'],
    ['a good value and a bad one', '050002'],
  ])('are not read with %s', (_, text) => {
    expect(readDerValues(hex(text))).toBeUndefined();
  });

  it('have children only under the tag that is expected', () => {
    const [sequence] = readDerValues(hex('3003020107')) ?? [];
    expect(readDerChildren(sequence, 0x30)).toEqual([{ tag: 2, content: hex('07') }]);
    expect(readDerChildren(sequence, 0x31)).toBeUndefined();
    expect(readDerChildren(undefined, 0x30)).toBeUndefined();
  });

  it('are read or not, never an exception, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const values = readDerValues(Buffer.from(bytes)) ?? [];
        const contents = values.reduce((sum, { content }) => sum + content.length, 0);
        expect(contents).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

describe('object identifiers', () => {
  it.each([
    ['550403', '2.5.4.3'],
    ['2b06010505070302', '1.3.6.1.5.5.7.3.2'],
    ['2a864886f70d010901', '1.2.840.113549.1.9.1'],
    ['0992268993f22c640119', '0.9.2342.19200300.100.1.25'],
    ['883703', '2.999.3'],
    ['', undefined],
    ['5504ff', undefined],
    ['55ffffffffffffffff7f', undefined],
  ])('%s is %s', (text, id) => {
    expect(readObjectIdentifier({ tag: 6, content: hex(text) })).toBe(id);
  });

  it('are not read from another type', () => {
    expect(readObjectIdentifier({ tag: 4, content: hex('550403') })).toBeUndefined();
  });
});

describe('texts', () => {
  it.each([
    ['UTF-8', 0x0c, 'c581', 'Ł'],
    ['broken UTF-8', 0x0c, 'c5', undefined],
    ['printable', 0x13, '6162', 'ab'],
    ['printable beyond ASCII', 0x13, '61e9', undefined],
    ['IA5', 0x16, '6140', 'a@'],
    ['BMP', 0x1e, '01410064', 'Łd'],
    ['BMP of half a character', 0x1e, '0141ff', undefined],
    ['T61, whose meaning depends on who reads it', 0x14, '61', undefined],
  ])('%s', (_, tag, content, text) => {
    expect(readDerText({ tag, content: hex(content) })).toBe(text);
  });
});
