import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  choiceSchema,
  countSchema,
  durationSchema,
  nameSchema,
  quoted,
  sizeSchema,
  textSchema,
} from './schema.ts';

const notApplied = 'The gateway would not know what to apply.';

/** Everything that is wrong with a value, as one text each. */
function complaintsOf(schema: z.ZodType, value: unknown): string[] | undefined {
  return schema.safeParse(value).error?.issues.map((issue) => issue.message);
}

describe('nameSchema', () => {
  it.each(['a', '9', 'partner-rate', 'a.b_c-d', 'x'.repeat(63)])('takes %s', (text) => {
    expect(nameSchema.parse(text)).toBe(text);
  });

  it.each(['', '-a', '.a', '_a', 'A', 'aB', 'a b', 'a/b', 'a:b', 'ä', 'x'.repeat(64), 'a\n'])(
    'refuses %j',
    (text) => {
      expect(complaintsOf(nameSchema, text)).toEqual([
        `"${text}" is not a name.\nIt could not be used as a metric label or a store key.\n` +
          'Use up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first.',
      ]);
    },
  );

  it.each([7, true, ['a'], { a: 1 }])('refuses %j, which is no text', (value) => {
    expect(complaintsOf(nameSchema, value)).toEqual([
      `"${JSON.stringify(value)}" is not a name.\n${notApplied}\nWrite a word such as partner-rate.`,
    ]);
  });
});

describe('durationSchema', () => {
  it.each([
    ['0s', 0],
    ['1ms', 1],
    ['250ms', 250],
    ['5s', 5000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['24d', 2_073_600_000],
    ['2147483s', 2_147_483_000],
  ])('reads %s as %i ms', (text, ms) => {
    expect(durationSchema.parse(text)).toBe(ms);
  });

  it.each([
    '',
    '5',
    's',
    '5 s',
    '5S',
    '5sec',
    '-5s',
    '+5s',
    '1.5s',
    '1e3s',
    '5s5s',
    '5s\n',
    '0x5s',
    '1234567890ms',
  ])('refuses %j', (text) => {
    expect(complaintsOf(durationSchema, text)).toEqual([
      `"${text}" is not a duration.\nWithout a unit it could be read as milliseconds or as seconds.\n` +
        'Write a number with a unit: 250ms, 5s, 10m, 1h or 1d.',
    ]);
  });

  // setTimeout takes 2^31 ms for 1 ms: a time-out of a month refused every request at once.
  it.each(['25d', '597h', '2147484s', '999999999d'])('refuses %s, which no timer can wait', (text) => {
    expect(complaintsOf(durationSchema, text)).toEqual([
      `"${text}" is not a duration of at most 24d.\nA longer timer would end at once.\nWrite at most 24d.`,
    ]);
  });

  it('refuses a number', () => {
    expect(complaintsOf(durationSchema, 5)?.[0]).toMatch(/^"5" is not a duration\.\n/);
  });
});

describe('sizeSchema', () => {
  it.each([
    ['0B', 0],
    ['512B', 512],
    ['64KiB', 65_536],
    ['10MiB', 10_485_760],
    ['2GiB', 2_147_483_648],
  ])('reads %s as %i bytes', (text, bytes) => {
    expect(sizeSchema.parse(text)).toBe(bytes);
  });

  it.each(['', '5', '5K', '5KB', '5kib', '5 KiB', '1.5MiB', '-1B', '1234567890B', '5TiB'])(
    'refuses %j',
    (text) => {
      expect(complaintsOf(sizeSchema, text)).toEqual([
        `"${text}" is not a size.\nWithout a unit it could be read as bytes or as kilobytes.\n` +
          'Write a number with a unit: 512B, 64KiB, 10MiB or 1GiB.',
      ]);
    },
  );
});

describe('countSchema', () => {
  const schema = countSchema(1, 9);

  it.each([1, 5, 9])('takes %i', (value) => expect(schema.parse(value)).toBe(value));

  it.each([0, 10, -1, 1.5, '5', null, Number.MAX_VALUE])('refuses %j', (value) => {
    const shown = typeof value === 'string' ? value : JSON.stringify(value);
    expect(complaintsOf(schema, value)?.[0]).toBe(
      `"${shown}" is not a whole number from 1 to 9.\n${notApplied}\nWrite a whole number from 1 to 9.`,
    );
  });
});

describe('choiceSchema', () => {
  const schema = choiceSchema(['shared', 'dedicated'], 'Its pools would be unknown.');

  it('takes its words', () => expect(schema.parse('dedicated')).toBe('dedicated'));

  it.each(['', 'Shared', 'own', 7])('refuses %j', (value) => {
    expect(complaintsOf(schema, value)).toEqual([
      `"${value}" is not one of shared, dedicated.\nIts pools would be unknown.\nWrite one of shared, dedicated.`,
    ]);
  });
});

describe('textSchema', () => {
  const schema = textSchema('a scope', 'Write a scope such as edi.');

  it('takes any text', () => expect(schema.parse(' ')).toBe(' '));

  it.each(['', 7])('refuses %j', (value) => {
    expect(complaintsOf(schema, value)).toEqual([
      `"${value}" is not a scope.\n${notApplied}\nWrite a scope such as edi.`,
    ]);
  });
});

describe('quoted', () => {
  it.each([
    ['a', '"a"'],
    ['', '""'],
    [7, '"7"'],
    [{ a: [1] }, '"{"a":[1]}"'],
    [undefined, 'Nothing'],
    ['x'.repeat(80), `"${'x'.repeat(80)}"`],
    ['x'.repeat(81), `"${'x'.repeat(77)}..."`],
  ])('shows %j as %s', (value, text) => {
    expect(quoted(value)).toBe(text);
  });
});
