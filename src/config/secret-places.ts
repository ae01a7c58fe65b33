import type { ConfigPath } from '../core/issue.ts';
import { quoted } from '../core/schema.ts';
import { createFragmentFinder } from './secret-fragments.ts';
import type { FragmentFinder } from './secret-fragments.ts';
import { valueAt } from './value-at.ts';

/** One piece of a text: where it stands after and before its placeholders were filled in. */
export interface Segment {
  start: number;
  end: number;
  authoredStart: number;
  authoredEnd: number;
  /** Whether the piece came from a file or a variable. */
  secret: boolean;
}

/** A text that had placeholders or escapes. */
export interface SecretPlace {
  file: string;
  path: ConfigPath;
  authored: string;
  resolved: string;
  segments: readonly Segment[];
}

/** What one load knows about its secrets: which texts must never be shown, and what to show in their place. */
export interface SecretPlaces {
  add(place: SecretPlace): void;
  addUnresolved(file: string, path: ConfigPath): void;
  addDocument(file: string, authored: unknown, resolved: unknown): void;
  at(file: string, path: ConfigPath): SecretPlace | undefined;
  placesOf(file: string): readonly SecretPlace[];
  /** True for a text whose placeholder could not be filled in; that is reported already. */
  isUnresolved(file: string, path: ConfigPath): boolean;
  /** Offset into the authored text of a character of the resolved one; inside a placeholder, its start. */
  authoredOffset(file: string, path: ConfigPath, offset: number): number;
  /** `text`, a message about the value at `path`, with the authored text wherever it shows a secret or eight characters of one. */
  redact(file: string, path: ConfigPath, text: string): string;
  /** Like `redact`, for a sentence that starts with the quoted value: says that the value behind the placeholder is meant. */
  redactSubject(file: string, path: ConfigPath, text: string): string;
}

interface LoadedDocument {
  authored: unknown;
  resolved: unknown;
  places: SecretPlace[];
}

export function createSecretPlaces(): SecretPlaces {
  const byPath = new Map<string, SecretPlace>();
  const unresolved = new Set<string>();
  const documents = new Map<string, LoadedDocument>();
  /** How a message quotes a resolved value, and how it should quote it: also the shortened form of a long value. */
  const quotations = new Map<string, string>();
  const subtreeQuotations = new WeakMap<object, string>();
  let fragments: FragmentFinder | undefined;

  function documentOf(file: string): LoadedDocument {
    let document = documents.get(file);
    if (document === undefined) {
      document = { authored: undefined, resolved: undefined, places: [] };
      documents.set(file, document);
    }
    return document;
  }

  function quotedOnce(value: unknown): string {
    if (typeof value !== 'object' || value === null) return quoted(value);
    let text = subtreeQuotations.get(value);
    if (text === undefined) {
      text = quoted(value);
      subtreeQuotations.set(value, text);
    }
    return text;
  }

  /** A value, or a list or mapping that holds it, quoted as a whole. */
  function replaceQuotations(document: LoadedDocument, path: ConfigPath, text: string): string {
    let replaced = text;
    for (let depth = path.length; depth >= 0; depth--) {
      const authored = valueAt(document.authored, path.slice(0, depth));
      const resolved = valueAt(document.resolved, path.slice(0, depth));
      if (authored !== resolved)
        replaced = replaced.replaceAll(quotedOnce(resolved), () => quotedOnce(authored));
    }
    return replaceBetween(replaced, '"', (segment) => quotations.get(`"${segment}"`)?.slice(1, -1));
  }

  function redact(file: string, path: ConfigPath, text: string): string {
    if (byPath.size === 0) return text;
    const own = byPath.get(keyOf(file, path));
    const known = replaceQuotations(documentOf(file), path, text);
    const pieces = own === undefined ? known : replacePieces(own, known);
    fragments ??= createFragmentFinder(byPath.values());
    return fragments.replace(pieces, own);
  }

  return {
    add(place) {
      byPath.set(keyOf(place.file, place.path), place);
      documentOf(place.file).places.push(place);
      if (place.segments.some((segment) => segment.secret))
        quotations.set(quoted(place.resolved), quoted(place.authored));
      fragments = undefined;
    },
    addUnresolved(file, path) {
      unresolved.add(keyOf(file, path));
    },
    addDocument(file, authored, resolved) {
      Object.assign(documentOf(file), { authored, resolved });
    },
    at: (file, path) => byPath.get(keyOf(file, path)),
    placesOf: (file) => documents.get(file)?.places ?? [],
    isUnresolved: (file, path) => unresolved.has(keyOf(file, path)),
    authoredOffset(file, path, offset) {
      const segments = byPath.get(keyOf(file, path))?.segments ?? [];
      const segment = segments.find(({ start, end }) => offset >= start && offset < end) ?? segments.at(-1);
      if (segment === undefined) return offset;
      const sameLength = segment.end - segment.start === segment.authoredEnd - segment.authoredStart;
      if (offset >= segment.end) return segment.authoredEnd;
      return segment.authoredStart + (segment.secret || !sameLength ? 0 : offset - segment.start);
    },
    redact,
    redactSubject(file, path, text) {
      const redacted = redact(file, path, text);
      const own = byPath.get(keyOf(file, path));
      const isSubject = own !== undefined && redacted.startsWith(`${quoted(own.authored)} `);
      return isSubject ? `The value behind ${redacted}` : redacted;
    },
  };
}

/** A message may quote a part of the text: a host, a word of a rule. Whatever it quotes of a secret is replaced. */
function replacePieces(place: SecretPlace, text: string): string {
  const hidden = place.segments
    .filter((segment) => segment.secret)
    .map((segment) => place.resolved.slice(segment.start, segment.end).toLowerCase());
  if (hidden.length === 0) return text;
  const authored = place.authored.toLowerCase();
  const replacement = (segment: string): string | undefined => {
    const shown = segment.replace(/\.\.\.$/, '').toLowerCase();
    if (shown === '' || authored.includes(shown)) return undefined;
    return hidden.some((secret) => secret.includes(shown)) ? place.authored : undefined;
  };
  return replaceBetween(replaceBetween(text, '"', replacement), '`', replacement);
}

/** Offers every stretch between two neighbouring quote characters, whichever of them opens. */
function replaceBetween(
  text: string,
  quote: string,
  replacement: (segment: string) => string | undefined,
): string {
  const stretches = text.split(quote);
  return stretches
    .map((stretch, i) =>
      i === 0 || i === stretches.length - 1 ? stretch : (replacement(stretch) ?? stretch),
    )
    .join(quote);
}

function keyOf(file: string, path: ConfigPath): string {
  return JSON.stringify([file, ...path]);
}
