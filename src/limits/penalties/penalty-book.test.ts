import { describe, expect, it } from 'vitest';
import { openPenaltyBook } from '../../../test/support/penalty-book.ts';
import { manualClock } from '../../core/clock.ts';
import { deriveAccountKey } from './penalty-book.ts';
import { bruteForceSchema } from './penalty-options.ts';

function openBook(options: { slow?: boolean; accountKey?: string } = {}) {
  const clock = manualClock();
  return { clock, ...openPenaltyBook(clock, options) };
}

const why = { zone: 'staff', kind: 'login', counted: false } as const;

describe('whose failures are counted', () => {
  it('an IPv6 client is its /64, as it can take any address of it', () => {
    const { book } = openBook();
    const keys = ['2001:db8:1:2::7', '2001:db8:1:2:ffff::1', '2001:db8:1:3::7', '192.0.2.7'].map(
      (address) => book.address(address)?.key,
    );
    expect(keys).toEqual([
      'address:2001:db8:1:2::/64',
      'address:2001:db8:1:2::/64',
      'address:2001:db8:1:3::/64',
      'address:192.0.2.7',
    ]);
  });

  it('an exempt address is nobody', () => {
    expect(openBook().book.address('10.1.2.3')).toBeUndefined();
  });

  it('an account has one key in every letter case, and one for each database', () => {
    const { book } = openBook();
    const { key } = book.account('acme', 'Alice@Example.com');
    expect(key).toMatch(/^account:[\w-]{22}$/);
    expect(book.account('acme', ' alice@example.COM ').key).toBe(key);
    expect(book.account('globex', 'alice@example.com').key).not.toBe(key);
    expect(openBook({ accountKey: 'another' }).book.account('acme', 'alice@example.com').key).not.toBe(key);
  });

  it('instances with one store agree on the key without being told one, others do not', () => {
    const url = 'redis://:secret@redis:6379';
    expect(deriveAccountKey(undefined, url)).toEqual(deriveAccountKey(undefined, url));
    expect(deriveAccountKey(undefined, url)).not.toEqual(deriveAccountKey(undefined, `${url}/1`));
    expect(deriveAccountKey(undefined, undefined)).not.toEqual(deriveAccountKey(undefined, undefined));
    expect(deriveAccountKey('configured', url)).toBe('configured');
  });
});

describe.each([false, true])('an attempt, with a store that answers later: %s', (slow) => {
  it('is counted for all or for none, and the one that is held back is told', async () => {
    const { book, memory, clock } = openBook({ slow });
    const address = book.address('192.0.2.7')!;
    const account = book.account('acme', 'alice');
    for (let i = 0; i < 3; i++) expect(await book.begin([address, account])).toBeUndefined();
    expect(await book.begin([address, account])).toEqual({ kind: 'account', waitMs: 1000 });
    expect(memory.act('look', address.key, address.rule).failures).toBe(3);
    expect(await book.begin([address, book.account('acme', 'bob')])).toBeUndefined();
    clock.advance(1000);
    expect(await book.begin([address, account])).toBeUndefined();
    expect(await book.begin([address, account])).toEqual({ kind: 'account', waitMs: 2000 });
  });

  it('when it was right leaves nothing behind', async () => {
    const { book, memory } = openBook({ slow });
    const address = book.address('192.0.2.7')!;
    const account = book.account('acme', 'alice');
    for (let i = 0; i < 50; i++) {
      expect(await book.begin([address, account])).toBeUndefined();
      book.forgive([address]);
      book.clear(account);
    }
    expect(memory.size).toBe(0);
  });

  it('fails with a word to the metrics, and one more when it was too many', async () => {
    const { book, told } = openBook({ slow });
    const account = book.account('acme', 'alice');
    for (let i = 0; i < 3; i++) book.fail([account], why);
    await Promise.resolve();
    expect(told.toSorted()).toEqual([
      'staff login',
      'staff login',
      'staff login',
      'staff penalty of the account',
    ]);
    expect(await book.look(account)).toEqual({ kind: 'account', waitMs: 1000 });
    expect(book.heldHere([book.address('192.0.2.7')!, account])).toEqual({ kind: 'account', waitMs: 1000 });
  });

  it('that was counted when it began is not counted again when it fails', async () => {
    const { book, memory, told } = openBook({ slow });
    const account = book.account('acme', 'alice');
    await book.begin([account]);
    book.fail([account], { ...why, counted: true });
    expect(memory.act('look', account.key, account.rule).failures).toBe(1);
    expect(told).toEqual(['staff login']);
  });
});

describe('the section in gateway.yaml', () => {
  it('has defaults that grow from a second to a quarter of an hour', () => {
    expect(bruteForceSchema.parse({})).toEqual({
      account: 5,
      address: 20,
      window: 900_000,
      firstPenalty: 1000,
      longestPenalty: 900_000,
      forgetAfter: 3_600_000,
      exempt: [],
    });
  });
});
