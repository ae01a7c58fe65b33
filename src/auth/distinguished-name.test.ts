import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attributeValues,
  parseDistinguishedName,
  renderDistinguishedName,
  type DistinguishedName,
} from './distinguished-name.ts';

const cn = (value: string): DistinguishedName => [[{ type: 'CN', value }]];

describe('a distinguished name as RFC 4514 text', () => {
  it.each<[string, DistinguishedName]>([
    ['CN=edi,O=acme', [[{ type: 'O', value: 'acme' }], [{ type: 'CN', value: 'edi' }]]],
    [
      'CN=edi+UID=7,O=acme',
      [
        [{ type: 'O', value: 'acme' }],
        [
          { type: 'CN', value: 'edi' },
          { type: 'UID', value: '7' },
        ],
      ],
    ],
    [String.raw`CN=admin\,O\=x`, cn('admin,O=x')],
    [String.raw`CN=\"\+\;\<\>\\`, cn('"+;<>\\')],
    [String.raw`CN=\ a \ `, cn(' a  ')],
    [String.raw`CN=\ `, cn(' ')],
    [String.raw`CN=\#1`, cn('#1')],
    [String.raw`CN=a\0ab\00`, cn('a\nb\0')],
    ['CN=', cn('')],
    ['1.2.3.4=x', [[{ type: '1.2.3.4', value: 'x' }]]],
    ['O=Łódź', [[{ type: 'O', value: 'Łódź' }]]],
  ])('%s is written and read again', (text, name) => {
    expect(renderDistinguishedName(name)).toBe(text);
    expect(parseDistinguishedName(text)).toEqual(name);
  });

  it.each<[string, DistinguishedName]>([
    [' CN = edi , O = acme ', [[{ type: 'O', value: 'acme' }], [{ type: 'CN', value: 'edi' }]]],
    ['cn=edi', cn('edi')],
    ['2.5.4.3=edi', cn('edi')],
    ['EMAILADDRESS=a@b', [[{ type: 'emailAddress', value: 'a@b' }]]],
    [String.raw`CN=M\C3\BCller`, cn('Müller')],
    ['CN=a=b', cn('a=b')],
  ])('%s is understood', (text, name) => {
    expect(parseDistinguishedName(text)).toEqual(name);
  });

  it.each([
    '',
    'edi',
    'CN=a,',
    ',CN=a',
    'CN=a+',
    'CN=a;O=b',
    'CN="a"',
    'CN=#04',
    String.raw`CN=\x`,
    'CN=a\\',
  ])('%j is no name', (text) => {
    expect(parseDistinguishedName(text)).toBeUndefined();
  });

  it('keeps every name apart from every other: what is written reads as what it was', () => {
    const attribute = fc.record({
      type: fc.constantFrom('CN', 'O', 'OU', '1.2.3'),
      value: fc.string({ unit: fc.constantFrom(...Array.from(',+=\\"<>;# \n\0aO7ß€😀')) }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.array(attribute, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
        (name) => {
          expect(parseDistinguishedName(renderDistinguishedName(name))).toEqual(name);
        },
      ),
    );
  });
});

it('attribute values are found by their exact type', () => {
  const name = parseDistinguishedName(String.raw`CN=admin\,O\=x,O=a+OU=b,O=c`) ?? [];
  expect(attributeValues(name, 'O')).toEqual(['c', 'a']);
  expect(attributeValues(name, 'OU')).toEqual(['b']);
  expect(attributeValues(name, 'o')).toEqual([]);
});
