// hot path: a flood of one bad credential meets this map instead of a signature check each.
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import { ownText } from '../core/own-text.ts';
import type { AuthRefusal } from './refusal.ts';

const ttlMs = 30_000;
const maxEntries = 2_000;
const maxCharacters = 4 * 1024 * 1024;

/** Remembers refusals of whole credentials for 30 s, at most 2,000 of them and 4 Mi characters. */
export interface RefusalCache {
  get(credential: string): AuthRefusal | undefined;
  set(credential: string, refusal: AuthRefusal): AuthRefusal;
  size(): number;
}

/**
 * Kept apart from the cache of good credentials, so that a flood of bad ones cannot push those out. Put in only what an
 * expensive check has found and what time does not mend: a bad signature or chain, an expired or ill-formed signed claim.
 */
export function createRefusalCache(clock: Clock): RefusalCache {
  const cache = new LRUCache<string, { refusal: AuthRefusal; untilMs: number }>({
    max: maxEntries,
    maxSize: maxCharacters,
    // Plus one, as the cache takes no entry of size 0 and an empty text is a credential like any other.
    sizeCalculation: (_, credential) => credential.length + 1,
  });
  return {
    get(credential) {
      const entry = cache.get(credential);
      if (entry === undefined) return undefined;
      if (clock.monoMs() < entry.untilMs) return entry.refusal;
      cache.delete(credential);
      return undefined;
    },
    set(credential, refusal) {
      cache.set(ownText(credential), { refusal, untilMs: clock.monoMs() + ttlMs });
      return refusal;
    },
    size: () => cache.size,
  };
}
