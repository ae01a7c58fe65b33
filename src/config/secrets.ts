import { resolve } from 'node:path';
import type { ConfigPath } from '../core/issue.ts';
import { quoted } from '../core/schema.ts';
import { parsePlaceholders } from './placeholders.ts';
import type { TextPart } from './placeholders.ts';
import type { PositionedDocument } from './positions.ts';
import { createProblem } from './problems.ts';
import type { Complaint, Problem } from './problems.ts';
import { createSecretPlaces } from './secret-places.ts';
import type { SecretPlaces, Segment } from './secret-places.ts';
import { UnreadableSecretError } from './secret-sources.ts';
import type { SecretSources } from './secret-sources.ts';

/** A document whose placeholders are filled in, and which knows which of its texts must never be quoted. */
export interface ResolvedDocument extends PositionedDocument {
  /** The value to validate; parts without placeholders are the very objects of `value`. */
  readonly resolved: unknown;
  readonly secrets: SecretPlaces;
}

export interface ResolvedSecrets {
  value: unknown;
  document: ResolvedDocument;
  /** Absolute paths of all secret files named, readable or not; each once. A change of one asks for a reload. */
  files: string[];
  problems: Problem[];
}

/**
 * Fills in the `${file:…}` and `${env:…}` placeholders of every text of a document. What cannot be filled in is a problem, and
 * its text stays as authored. One `places` for all documents of a load keeps a secret of one file out of the messages about
 * another. Never throws.
 */
export function resolveSecrets(
  document: PositionedDocument,
  sources: SecretSources,
  places: SecretPlaces = createSecretPlaces(),
): ResolvedSecrets {
  const filling: Filling = { document, sources, places, files: new Set(), problems: [], path: [] };
  const value = fillValue(filling, document.value);
  places.addDocument(document.file, document.value, value);
  return {
    value,
    document: { ...document, resolved: value, secrets: places },
    files: [...filling.files],
    problems: filling.problems,
  };
}

interface Filling {
  document: PositionedDocument;
  sources: SecretSources;
  places: SecretPlaces;
  files: Set<string>;
  problems: Problem[];
  path: (string | number)[];
}

/** Copies only what changes, so that "does this hold a placeholder" is a comparison of references. */
function fillValue(filling: Filling, value: unknown): unknown {
  if (typeof value === 'string') return value.includes('${') ? fillText(filling, value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let list: unknown[] = value;
    for (const [i, item] of value.entries()) {
      const filled = fillAt(filling, i, item);
      if (filled === item) continue;
      if (list === value) list = [...value];
      list[i] = filled;
    }
    return list;
  }
  let mapping: object = value;
  for (const [key, item] of Object.entries(value)) {
    const filled = fillAt(filling, key, item);
    if (filled === item) continue;
    if (mapping === value) mapping = { ...value };
    Reflect.set(mapping, key, filled);
  }
  return mapping;
}

function fillAt(filling: Filling, segment: string | number, item: unknown): unknown {
  filling.path.push(segment);
  const filled = fillValue(filling, item);
  filling.path.pop();
  return filled;
}

function fillText(filling: Filling, authored: string): string {
  const segments: Segment[] = [];
  const complaints: { part: TextPart; complaint: Complaint }[] = [];
  let resolved = '';
  for (const part of parsePlaceholders(authored)) {
    const filled = fillPart(filling, part);
    if (typeof filled !== 'string') complaints.push({ part, complaint: filled });
    const text = typeof filled === 'string' ? filled : authored.slice(part.start, part.end);
    segments.push({
      start: resolved.length,
      end: resolved.length + text.length,
      authoredStart: part.start,
      authoredEnd: part.end,
      secret: typeof filled === 'string' && isSecret(part, filled),
    });
    resolved += text;
  }
  const path: ConfigPath = [...filling.path];
  const { document, places } = filling;
  for (const { part, complaint } of complaints)
    filling.problems.push(createProblem(document.file, document.locate(path, part.start), path, complaint));
  if (complaints.length > 0) {
    places.addUnresolved(document.file, path);
    return authored;
  }
  places.add({ file: document.file, path, authored, resolved, segments });
  return resolved;
}

/** A fallback stands in the file for everyone to read; what comes from elsewhere does not. */
function isSecret(part: TextPart, filled: string): boolean {
  return part.kind === 'file' || (part.kind === 'env' && filled !== part.fallback);
}

function fillPart(filling: Filling, part: TextPart): string | Complaint {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'env':
      return fillVariable(filling.sources, part.name, part.fallback);
    case 'file': {
      const path = resolve(filling.sources.directory, part.path);
      filling.files.add(path);
      return fillFromFile(filling.sources, part.path, path);
    }
    case 'malformed':
      break;
  }
  return {
    what: `${quoted(part.text)} is not a placeholder.`,
    consequence: 'It would be used as it stands, and never be replaced by a value.',
    fix: 'Write ${file:/path/to/file}, ${env:NAME} or ${env:NAME:-fallback}; a plain "${" is written "$${".',
  };
}

/** As in a shell, `:-` steps in for an empty variable too. */
function fillVariable(
  sources: SecretSources,
  name: string,
  fallback: string | undefined,
): string | Complaint {
  const value = sources.env[name];
  if (value !== undefined && value !== '') return value;
  if (fallback !== undefined) return fallback;
  return {
    what: `The environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}.`,
    consequence: 'The value would be missing where it is needed, and an empty secret protects nothing.',
    fix: `Set ${name} for the gateway's process, or give a fallback: \${env:${name}:-fallback}.`,
  };
}

function fillFromFile(sources: SecretSources, authoredPath: string, path: string): string | Complaint {
  let reason = 'is empty';
  try {
    const text = sources.readFile(path).replace(/\r?\n$/, '');
    if (text !== '') return text;
  } catch (error) {
    reason = error instanceof UnreadableSecretError ? error.reason : 'cannot be read';
  }
  return {
    what: `The file ${quoted(authoredPath)} ${reason}.`,
    consequence: 'The value would be missing where it is needed, and an empty secret protects nothing.',
    fix: `Put the value into ${path}, readable for the gateway's user, or correct the path.`,
  };
}
