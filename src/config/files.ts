import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { nearestName } from '../core/nearest-name.ts';
import { createProblem, type Problem } from './problems.ts';

/** The files of a configuration directory, relative to it, in a fixed order. */
export interface ConfigurationFiles {
  gateway: string;
  identities: string | undefined;
  pools: string;
  tenants: string[];
  zones: string[];
}

const knownStems = ['gateway', 'identities', 'pools', 'tenants'];
const known = knownStems.map((stem) => `${stem}.yaml`);
const knownFolders = ['zones', 'tenants'];

/**
 * Lists the files that make up the configuration; undefined when there is no such directory. A file that would be ignored
 * is a problem: it was put there to be in force. Names that begin with a dot are not looked at (editors and Kubernetes keep their own there).
 */
export function listConfigurationFiles(directory: string): {
  files: ConfigurationFiles | undefined;
  problems: Problem[];
} {
  const problems: Problem[] = [];
  const top = listYaml(directory, '');
  if (top === undefined) {
    const complaint = {
      what: `The configuration directory ${JSON.stringify(directory)} cannot be read.`,
      consequence: 'There would be no rule, so no request could pass.',
      fix: 'Name a directory with gateway.yaml, pools.yaml and zones/ by --config.',
    };
    return { files: undefined, problems: [createProblem('.', { line: 1, column: 1 }, [], complaint)] };
  }
  for (const name of top) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name.replace(/\.ya?ml$/, ''), knownStems);
    problems.push(
      createProblem(name, { line: 1, column: 1 }, [], {
        what: `"${name}" is not a file of the configuration.`,
        consequence: 'It would be ignored, so nothing in it would be in force.',
        fix:
          nearest === undefined
            ? `Use one of ${known.join(', ')}, zones/*.yaml and tenants/*.yaml, or remove it.`
            : `Rename it to ${nearest}.yaml, or remove it.`,
      }),
    );
  }
  for (const folder of listFolders(directory)) {
    const inside = listYaml(directory, folder) ?? [];
    if (knownFolders.includes(folder) || inside.length === 0) continue;
    const nearest = nearestName(folder, knownFolders);
    problems.push(
      createProblem(inside[0] ?? folder, { line: 1, column: 1 }, [], {
        what: `"${folder}" is not a folder of the configuration.`,
        consequence: 'It would be ignored, so nothing in it would be in force.',
        fix: `Move its files to ${nearest ?? 'zones or tenants'}, or out of the configuration.`,
      }),
    );
  }
  const has = (name: string): boolean => top.includes(name);
  const folder = (name: string): string[] =>
    (listYaml(directory, name) ?? []).filter((file) => {
      if (file.endsWith('.yaml')) return true;
      problems.push(
        createProblem(file, { line: 1, column: 1 }, [], {
          what: `"${file}" does not end with .yaml.`,
          consequence: 'It would be ignored, so nothing in it would be in force.',
          fix: `Rename it to ${file.replace(/\.yml$/, '.yaml')}.`,
        }),
      );
      return false;
    });
  return {
    files: {
      gateway: 'gateway.yaml',
      identities: has('identities.yaml') ? 'identities.yaml' : undefined,
      pools: 'pools.yaml',
      tenants: [...(has('tenants.yaml') ? ['tenants.yaml'] : []), ...folder('tenants')],
      zones: folder('zones'),
    },
    problems,
  };
}

function listFolders(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .toSorted();
  } catch {
    return [];
  }
}

function listYaml(directory: string, folder: string): string[] | undefined {
  try {
    return readdirSync(join(directory, folder))
      .filter((name) => !name.startsWith('.') && /\.ya?ml$/.test(name))
      .toSorted()
      .map((name) => (folder === '' ? name : `${folder}/${name}`));
  } catch {
    return undefined;
  }
}
