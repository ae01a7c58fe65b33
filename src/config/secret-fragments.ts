import type { SecretPlace } from './secret-places.ts';

/** Finds pieces of secrets in messages. */
export interface FragmentFinder {
  /** `text` without any run of eight characters of a secret, and without any whole shorter one. */
  replace(text: string, own: SecretPlace | undefined): string;
}

const windowLength = 8;
/** A value of three characters or fewer is no secret, and would turn up in every second word. */
const shortestSecret = 4;

/** What every URL and every PEM file starts with is no secret, and messages explain with it. */
const publicText = /^[a-z][a-z0-9+.-]*:\/\/|-----(?:BEGIN|END) [A-Z0-9 ]+-----/i;

/**
 * An index of all windows of eight characters of all secrets, without regard to case: 4 bytes per character of secret text,
 * built when the first message is written. A hash that collides hides a few harmless characters, never shows a secret.
 */
export function createFragmentFinder(places: Iterable<SecretPlace>): FragmentFinder {
  const secrets = new Map<string, SecretPlace>();
  for (const place of places) {
    for (const { start, end, secret } of place.segments) {
      if (!secret) continue;
      const text = place.resolved.slice(start, end).toLowerCase();
      // Messages also quote lists and mappings, as JSON.
      for (const form of new Set([text, JSON.stringify(text).slice(1, -1)])) {
        for (const piece of form.split(publicText))
          if (piece.length >= shortestSecret && !secrets.has(piece)) secrets.set(piece, place);
      }
    }
  }
  const windows = indexWindows([...secrets.keys()]);

  function nameOf(run: string, own: SecretPlace | undefined): string {
    const short = secrets.get(run);
    if (short !== undefined) return short.authored;
    for (const [secret, place] of secrets) if (secret.includes(run)) return place.authored;
    return own?.authored ?? '${...}';
  }

  return {
    replace(text, own) {
      const lower = text.toLowerCase();
      // A few letters change length in lower case; then offsets would not fit, and the whole text is searched as it is.
      const searched = lower.length === text.length ? lower : text;
      const hidden = new Uint8Array(text.length);
      for (let i = 0; i + windowLength <= searched.length; i++)
        if (hasHash(windows, hashWindow(searched, i))) hidden.fill(1, i, i + windowLength);
      for (let length = shortestSecret; length < windowLength; length++)
        for (let i = 0; i + length <= searched.length; i++)
          if (secrets.has(searched.slice(i, i + length))) hidden.fill(1, i, i + length);
      let replaced = '';
      for (let i = 0; i < text.length;) {
        const end = hidden[i] === 1 ? endOfRun(hidden, i) : i + 1;
        replaced += hidden[i] === 1 ? nameOf(searched.slice(i, end), own) : (text[i] ?? '');
        i = end;
      }
      return replaced;
    },
  };
}

function endOfRun(hidden: Uint8Array, from: number): number {
  const end = hidden.indexOf(0, from);
  return end === -1 ? hidden.length : end;
}

function indexWindows(secrets: readonly string[]): Uint32Array {
  const count = secrets.reduce((sum, text) => sum + Math.max(0, text.length - windowLength + 1), 0);
  const windows = new Uint32Array(count);
  let at = 0;
  for (const text of secrets)
    for (let i = 0; i + windowLength <= text.length; i++) windows[at++] = hashWindow(text, i);
  return windows.toSorted();
}

/** FNV-1a over eight UTF-16 units. */
function hashWindow(text: string, from: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < from + windowLength; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function hasHash(sorted: Uint32Array, hash: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < hash) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === hash;
}
