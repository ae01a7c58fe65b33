import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parameterValues, withoutParameter } from './query-parameters.ts';

describe('the values of a parameter', () => {
  it.each<[string | undefined, string[]]>([
    [undefined, []],
    ['', []],
    ['debug=1', ['1']],
    ['a=1&debug=assets&b=2', ['assets']],
    ['debug=1&debug=0', ['1', '0']],
    ['debug', ['']],
    ['debug=', ['']],
    ['d%65bug=1', ['1']],
    ['debug=a%2Bb+c', ['a+b c']],
    ['debug=%zz', ['%zz']],
    ['xdebug=1&debugx=1&DEBUG=1&a=debug', []],
    ['a=1;debug=1', []],
    ['&&debug=1&', ['1']],
  ])('of %j are %j', (query, values) => {
    expect(parameterValues(query, 'debug')).toEqual(values);
  });
});

describe('a query without a parameter', () => {
  it.each<[string, string | undefined]>([
    ['debug=1', undefined],
    ['a=1&debug=1&b=%20', 'a=1&b=%20'],
    ['d%65bug=1&a=1&debug', 'a=1'],
    ['a=1&&b=2', 'a=1&&b=2'],
    ['a=debug', 'a=debug'],
  ])('of %j is %j', (query, left) => {
    expect(withoutParameter(query, 'debug')).toBe(left);
  });

  it('has none of it in any spelling, and all else as it came', () => {
    const key = fc.constantFrom('debug', 'd%65bug', '%64%65%62%75%67', 'debu', 'a', 'x+y', '');
    const pair = fc.tuple(key, fc.constantFrom('', '=', '=1', '=debug', '==')).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 6 }), (pairs) => {
        const query = pairs.join('&');
        const left = withoutParameter(query, 'debug');
        expect(parameterValues(left, 'debug')).toEqual([]);
        const others = pairs.filter((one) => parameterValues(one, 'debug').length === 0);
        expect(left ?? '').toBe(others.join('&'));
      }),
    );
  });
});
