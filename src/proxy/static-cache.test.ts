import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { freshMsOf, isUnchanged, maxCachedBytes, StaticCache } from './static-cache.ts';
import { StaticRecorder } from './static-recorder.ts';

const script = ['content-type', 'text/javascript', 'cache-control', 'public, max-age=604800'];
const day = 86_400_000;

describe('freshMsOf', () => {
  it.each<[string, number, string[], number]>([
    ['a file of a module: five minutes', 200, script, 300_000],
    ['a short life', 200, ['content-type', 'a/b', 'cache-control', 'max-age=20'], 20_000],
    ['the rest of a life', 200, ['content-type', 'a/b', 'cache-control', 'max-age=20', 'age', '15'], 5_000],
    ['a bundle: a day', 200, ['content-type', 'a/b', 'cache-control', 'max-age=31536000, immutable'], day],
    ['one that differs by coding', 200, [...script, 'vary', 'Accept-Encoding'], 300_000],
    ['one that differs by cookie', 200, [...script, 'vary', 'Cookie'], 0],
    ['one that differs by two fields', 200, [...script, 'vary', 'Accept-Encoding, Cookie'], 0],
    ['one with a cookie', 200, [...script, 'set-cookie', 'session_id=a'], 0],
    ['no life', 200, ['content-type', 'a/b'], 0],
    ['a private one', 200, ['content-type', 'a/b', 'cache-control', 'Private, max-age=60'], 0],
    ['one not to be kept', 200, ['content-type', 'a/b', 'cache-control', 'max-age=60,no-store'], 0],
    ['one to be asked about', 200, ['content-type', 'a/b', 'cache-control', 'max-age=60, no-cache'], 0],
    ['a life that has gone', 200, ['content-type', 'a/b', 'cache-control', 'max-age=60', 'age', '60'], 0],
    ['a life that is no number', 200, ['content-type', 'a/b', 'cache-control', 'max-age=1e9'], 0],
    ['a part', 206, script, 0],
    ['an error', 404, script, 0],
    ['one without type', 200, ['cache-control', 'max-age=60'], 0],
  ])('of %s', (_, status, fields, freshMs) => {
    expect(freshMsOf(status, fields)).toBe(freshMs);
  });
});

describe('isUnchanged', () => {
  it.each<[string[], string[], boolean]>([
    [['if-none-match', '"a"'], ['etag', '"a"'], true],
    [['if-none-match', '"b", W/"a"'], ['etag', '"a"'], true],
    [['if-none-match', '"a"'], ['etag', 'W/"a"'], true],
    [['if-none-match', '"b"'], ['etag', '"a"'], false],
    [['if-none-match', '"b"', 'if-modified-since', 'x'], ['etag', '"a"', 'last-modified', 'x'], false],
    [['if-none-match', ''], [], false],
    [['if-modified-since', 'x'], ['last-modified', 'x'], true],
    [['if-modified-since', 'y'], ['last-modified', 'x'], false],
    [[], ['etag', '"a"', 'last-modified', 'x'], false],
  ])('%j against %j: %j', (request, cached, unchanged) => {
    expect(isUnchanged(request, cached)).toBe(unchanged);
  });
});

describe('a static cache', () => {
  const record = (cache: StaticCache, key: string, pieces: Buffer[], fields = script): void => {
    const recorder = new StaticRecorder(cache, key);
    recorder.onAnswer(200, fields);
    for (const piece of pieces) recorder.onChunk(piece);
    recorder.onEnd();
  };

  it('gives a whole answer again until its life ends', () => {
    const clock = manualClock();
    const cache = new StaticCache({ maxBytes: 100_000, clock });
    const piece = Buffer.from('ab');
    record(cache, 'k', [piece, Buffer.from('c')]);
    piece.write('xx');
    clock.advance(299_999);
    const found = cache.find('k');
    expect(found?.answer.body.toString()).toBe('abc');
    expect(found?.answer.fields).toEqual(script);
    expect(found?.ageS).toBe(299);
    clock.advance(1);
    expect(cache.find('k')).toBeUndefined();
    expect(cache.bytes).toBe(0);
  });

  it('keeps no answer that ended early, is too large, or may not be kept', () => {
    const cache = new StaticCache({ maxBytes: 10_000_000, clock: manualClock() });
    const recorder = new StaticRecorder(cache, 'early');
    recorder.onAnswer(200, script);
    recorder.onChunk(Buffer.from('a'));
    record(cache, 'large', [Buffer.alloc(maxCachedBytes), Buffer.alloc(1)]);
    record(cache, 'private', [Buffer.from('a')], ['content-type', 'a/b']);
    expect(cache.bytes).toBe(0);
    record(cache, 'just', [Buffer.alloc(maxCachedBytes)]);
    expect(cache.find('just')?.answer.body.length).toBe(maxCachedBytes);
  });

  it('never holds more than its bound, and lets go of what was asked for longest ago', () => {
    const cache = new StaticCache({ maxBytes: 10_000, clock: manualClock() });
    for (let i = 0; i < 4; i++) {
      record(cache, `k${i}`, [Buffer.alloc(2000)]);
      cache.find('k0');
      expect(cache.bytes).toBeLessThanOrEqual(10_000);
    }
    expect([0, 1, 2, 3].map((i) => cache.find(`k${i}`) !== undefined)).toEqual([true, false, true, true]);
  });
});
