import type { ConfigurationFiles } from './files.ts';
import { createSystemSecretSources, type SecretSources, UnreadableSecretError } from './secret-sources.ts';

/**
 * Everything that a load read, as plain data. A load from it gives the same configuration in every process, whatever has
 * become of the files since. Holds secrets: it is for memory, and for pipes between processes of one gateway.
 */
export interface Recording {
  files: ConfigurationFiles;
  /** By the name in the directory. */
  texts: Record<string, string>;
  /** By absolute path. */
  secretFiles: Record<string, string>;
  /** Wall clock of the load: certificates are judged as of then. */
  nowMs: number;
}

type Env = SecretSources['env'];

/** Reads secret files and notes what they hold. */
export function recordSecrets(directory: string, env: Env, noted: Recording['secretFiles']): SecretSources {
  const system = createSystemSecretSources(directory, env);
  return {
    env,
    directory,
    readFile(path) {
      const text = system.readFile(path);
      noted[path] = text;
      return text;
    },
  };
}

/** Secret files as they were when they were recorded. */
export function replaySecrets(directory: string, env: Env, noted: Recording['secretFiles']): SecretSources {
  return {
    env,
    directory,
    readFile(path) {
      const text = noted[path];
      if (text === undefined)
        throw new UnreadableSecretError('was not read when the gateway loaded its files');
      return text;
    },
  };
}
