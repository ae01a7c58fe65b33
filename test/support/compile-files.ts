import { type Configuration, loadConfiguration } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/problems.ts';
import { writeFiles } from './write-files.ts';

/** Compiles a configuration from the texts of its files; throws when it has problems. */
export function compileFiles(files: Record<string, string>): Configuration {
  const { directory, remove } = writeFiles(files);
  try {
    const { configuration, problems } = loadConfiguration(directory, {
      env: {},
      nowMs: Date.UTC(2026, 0, 1),
    });
    if (configuration === undefined) throw new Error(renderProblems(problems));
    return configuration;
  } finally {
    remove();
  }
}
