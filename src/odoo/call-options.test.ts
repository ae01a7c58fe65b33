import { describe, expect, it } from 'vitest';
import { callRulesSchema } from './call-options.ts';

describe('the section odoo of a zone', () => {
  it('has defaults that close what is dangerous', () => {
    expect(callRulesSchema.parse({})).toEqual({
      maxBody: 1_048_576,
      unreadable: 'refuse',
      databaseManager: 'refuse',
      debug: 'remove',
    });
  });

  it.each<[object, string]>([
    [
      { maxBody: '32MiB' },
      '"32MiB" is not a size from 1KiB to 16MiB.\nHardly any call could be read, or reading one would hold up all others.\nWrite a size from 1KiB to 16MiB.',
    ],
    [
      { maxBody: '1000' },
      '"1000" is not a size.\nWithout a unit it could be read as bytes or as kilobytes.\nWrite a number with a unit: 512B, 64KiB, 10MiB or 1GiB.',
    ],
    [
      { unreadable: 'allow' },
      '"allow" is not one of refuse, pass.\nIt would be unknown what becomes of a call that is not read.\nWrite one of refuse, pass.',
    ],
    [
      { databaseManager: true },
      '"true" is not one of refuse, pass.\nIt would be unknown whether databases may be listed, copied and dropped.\nWrite one of refuse, pass.',
    ],
    [
      { debug: 'strip' },
      '"strip" is not one of remove, pass.\nIt would be unknown who may switch on the developer mode.\nWrite one of remove, pass.',
    ],
  ])('refuses %j', (section, message) => {
    expect(callRulesSchema.safeParse(section).error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});
