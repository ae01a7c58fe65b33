import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import type { Issue, Locate } from '../core/issue.ts';
import { createProblem, problemFromIssue, type Problem } from './problems.ts';
import { readYaml } from './read-yaml.ts';
import { type Recording, recordSecrets, replaySecrets } from './recording.ts';
import { createSecretPlaces } from './secret-places.ts';
import type { SecretSources } from './secret-sources.ts';
import { type ResolvedDocument, resolveSecrets } from './secrets.ts';
import { validate } from './validate.ts';

/** One file that was read and has the form it must have. */
export interface ReadSection<T> {
  value: T;
  document: ResolvedDocument;
}

/** Reads the files of one load, and gathers what is wrong with them and everything that was read. */
export class SectionReader {
  readonly directory: string;
  readonly problems: Problem[] = [];
  readonly files = new Set<string>();
  readonly texts: Recording['texts'] = {};
  readonly secretFiles: Recording['secretFiles'] = {};
  readonly #recording: Recording | undefined;
  readonly #sources: SecretSources;
  readonly #places = createSecretPlaces();
  readonly #hash = createHash('sha256');

  constructor(directory: string, env: SecretSources['env'], recording: Recording | undefined) {
    this.directory = directory;
    this.#recording = recording;
    this.#sources =
      recording === undefined
        ? recordSecrets(directory, env, this.secretFiles)
        : replaySecrets(directory, env, recording.secretFiles);
    for (const folder of ['', 'zones', 'tenants']) this.files.add(join(directory, folder));
  }

  /**
   * Reads one file; undefined when it has problems, which are noted. `checkRest` finds what is wrong with the meaning of a
   * file whose form is wrong elsewhere, so that it is told in the same run.
   */
  read<T>(
    file: string,
    schema: z.ZodType<T>,
    checkRest?: (value: unknown) => readonly Issue[],
  ): ReadSection<T> | undefined {
    const path = join(this.directory, file);
    this.files.add(path);
    const text = this.#recording === undefined ? readText(path) : this.#recording.texts[file];
    if (text === undefined) {
      this.problems.push(missingFile(file));
      return undefined;
    }
    this.texts[file] = text;
    this.#hash.update(file).update('\0').update(text).update('\0');
    const read = readYaml(file, text);
    this.problems.push(...read.problems);
    if (read.value === undefined) return undefined;
    const resolved = resolveSecrets(read.document, this.#sources, this.#places);
    for (const secretFile of resolved.files) this.files.add(secretFile);
    this.problems.push(...resolved.problems);
    const validated = validate(schema, resolved.document);
    if (validated.problems !== undefined) {
      this.problems.push(...validated.problems);
      this.note(resolved.document, checkRest?.(resolved.value) ?? []);
      return undefined;
    }
    return { value: validated.value, document: resolved.document };
  }

  note(document: ResolvedDocument, issues: readonly Issue[]): void {
    for (const issue of issues) this.problems.push(problemFromIssue(document, issue));
  }

  /** Of the files as they are written: the same on every instance, whatever its secrets. */
  version(): string {
    return this.#hash.copy().digest('hex').slice(0, 12);
  }
}

/** Gives `file:line:column` of a value in a file that was read. */
export function locateIn(document: ResolvedDocument): Locate {
  return (path) => {
    const { line, column } = document.locate(path);
    return `${document.file}:${line}:${column}`;
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function missingFile(file: string): Problem {
  return createProblem(file, { line: 1, column: 1 }, [], {
    what: `"${file}" is missing or cannot be read.`,
    consequence: 'The gateway could not start.',
    fix: `Add ${file}; the example configuration has one to begin with.`,
  });
}
