import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalPath } from '../core/path.ts';
import { readJson2 } from './read-json2.ts';

/** What the path does not tell. */
const unsized = {
  protocol: 'json-2',
  service: 'object',
  database: undefined,
  login: undefined,
  sized: false,
  records: undefined,
  limit: undefined,
};

describe('readJson2 reads', () => {
  it.each([
    ['/json/2/stock.picking/search_read', 'stock.picking', 'search_read'],
    ['/json/2/stock.picking/search_read/', 'stock.picking', 'search_read'],
    ['/json/2/a/b', 'a', 'b'],
    ['/json/2/x_custom.model_2/action_9', 'x_custom.model_2', 'action_9'],
    ['/json/2/Stock.Picking/Read', 'Stock.Picking', 'Read'],
    ['/json/2/a..b/_private', 'a..b', '_private'],
    ['/json/2/.a./read', '.a.', 'read'],
    ['/json/2/2/2', '2', '2'],
  ])('%s', (path, model, method) => {
    expect(readJson2(path)).toEqual({ ...unsized, model, method });
  });
});

describe('readJson2 takes for no call', () => {
  it.each([
    ['', 'nothing'],
    ['/', 'the root'],
    ['/json', 'another route'],
    ['/json/2', 'the route without its slash'],
    ['/json/2/', 'no model'],
    ['/json/2//', 'an empty model and an empty method'],
    ['/json/2/a', 'no method'],
    ['/json/2/a/', 'an empty method'],
    ['/json/2//b', 'an empty model'],
    ['/json/2/a//', 'an empty method before a slash'],
    ['/json/2/a/b//', 'two trailing slashes'],
    ['/json/2/a/b/c', 'an extra segment'],
    ['/json/2/a/b/c/', 'an extra segment and a slash'],
    ['/json/2/a/b.c', 'a dot in the method'],
    ['/json/2/a/b%20c', 'an escape in the method'],
    ['/json/2/a%2Eb/c', 'an escape in the model'],
    ['/json/2/a-b/c', 'a dash in the model'],
    ['/json/2/a b/c', 'a blank in the model'],
    ['/json/2/modèle/read', 'a letter that is not ASCII in the model'],
    ['/json/2/a/reаd', 'a Cyrillic letter in the method'],
    ['/json/2/a/b?c', 'a query'],
    ['/json/1/a/b', 'another version'],
    ['/json/2.0/a/b', 'a version with a dot'],
    ['/JSON/2/a/b', 'another letter case'],
    ['/x/json/2/a/b', 'something in front'],
    ['json/2/a/b', 'no slash in front'],
  ])('%j: %s', (path) => {
    expect(readJson2(path)).toBeUndefined();
  });
});

describe('readJson2', () => {
  const model = fc.stringMatching(/^[A-Za-z0-9_.]{1,20}$/);
  const method = fc.stringMatching(/^[A-Za-z0-9_]{1,20}$/);

  it('gives back the names that a path is built from', () => {
    fc.assert(
      fc.property(model, method, fc.constantFrom('', '/'), (of, name, slash) => {
        expect(readJson2(`/json/2/${of}/${name}${slash}`)).toEqual({ ...unsized, model: of, method: name });
      }),
    );
  });

  it('never throws, and what it reads is the path, whatever the path holds', () => {
    const part = fc.constantFrom('/', '//', 'json', '2', 'a', '.', '..', '%2F', 'é', '_', 'A', '\u0000', '?');
    const pathLike = fc.array(part, { maxLength: 8 }).map((parts) => `/json/2/${parts.join('')}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), pathLike), (path) => {
        const call = readJson2(path);
        if (call === undefined) return;
        const built = `/json/2/${call.model}/${call.method}`;
        expect([built, `${built}/`]).toContain(path);
        expect(call.model).toMatch(/^[A-Za-z0-9_.]+$/);
        expect(call.method).toMatch(/^[A-Za-z0-9_]+$/);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads every spelling of one canonical path alike', () => {
    const spelt = fc
      .tuple(model, method)
      .filter(([of]) => !/^\.+$/.test(of))
      .chain(([of, name]) =>
        fc
          .array(fc.boolean(), { minLength: of.length + name.length, maxLength: of.length + name.length })
          .map((escaped) => ({ of, name, escaped })),
      );
    fc.assert(
      fc.property(spelt, ({ of, name, escaped }) => {
        const spell = (text: string, from: number): string =>
          Array.from(text, (character, i) =>
            // A dot is never written as an escape: such paths are refused.
            escaped[from + i] === true && character !== '.'
              ? `%${character.charCodeAt(0).toString(16)}`
              : character,
          ).join('');
        const raw = `/json/2/${spell(of, 0)}/${spell(name, of.length)}`;
        expect(readJson2(canonicalPath(raw) ?? '')).toEqual({ ...unsized, model: of, method: name });
      }),
    );
  });
});
