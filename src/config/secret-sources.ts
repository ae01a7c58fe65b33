import { readFileSync, statSync } from 'node:fs';

/** Where placeholders get their values. */
export interface SecretSources {
  env: Readonly<Record<string, string | undefined>>;
  /** Text of the file at an absolute path; throws, best an `UnreadableSecretError`. */
  readFile(path: string): string;
  /** Absolute path that relative paths in `${file:…}` start from: the configuration directory. */
  directory: string;
}

/** Why a secret file cannot be used; `reason` completes the sentence "The file …". */
export class UnreadableSecretError extends Error {
  readonly reason: string;

  constructor(reason: string, options?: ErrorOptions) {
    super(`The file ${reason}`, options);
    this.name = 'UnreadableSecretError';
    this.reason = reason;
  }
}

/** A key, a certificate bundle, a password: none is larger, and a wrong path must not fill the memory. */
export const maxSecretBytes = 1024 * 1024;

/**
 * The process's own environment and files. Reading is synchronous: secrets are small, and on a local or memory file system. A
 * file that several placeholders name is read once, so all of them get the same text.
 */
export function createSystemSecretSources(
  directory: string,
  env: Readonly<Record<string, string | undefined>>,
): SecretSources {
  const texts = new Map<string, string>();
  return {
    env,
    directory,
    readFile(path) {
      let text = texts.get(path);
      if (text === undefined) {
        text = readSecretFile(path);
        texts.set(path, text);
      }
      return text;
    },
  };
}

/** Text of a regular UTF-8 file of at most 1 MiB; else throws an `UnreadableSecretError`. */
function readSecretFile(path: string): string {
  let bytes: Buffer;
  try {
    const stats = statSync(path);
    // A pipe or a device would block the process or never end.
    if (!stats.isFile())
      throw new UnreadableSecretError(`is ${stats.isDirectory() ? 'a directory' : 'not a regular file'}`);
    if (stats.size > maxSecretBytes) throw new UnreadableSecretError('is larger than 1 MiB');
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof UnreadableSecretError) throw error;
    throw new UnreadableSecretError(describeFileError(error), { cause: error });
  }
  if (bytes.length > maxSecretBytes) throw new UnreadableSecretError('is larger than 1 MiB');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UnreadableSecretError('is not UTF-8 text', { cause: error });
  }
}

function describeFileError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  switch (code) {
    case 'ENOENT':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by the gateway';
    case 'ENOTDIR':
      return 'does not exist, because a part of its path is not a directory';
    case 'ELOOP':
      return 'is a symbolic link that leads back to itself';
    default:
      return `cannot be read (${code})`;
  }
}
