import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { compileIdentities, type Identities } from '../auth/compile.ts';
import { identitiesSchema } from '../auth/options.ts';
import type { Issue, Locate } from '../core/issue.ts';
import type { CompiledZone, Snapshot } from '../decide/snapshot.ts';
import { compilePools } from '../pools/compile.ts';
import { type PoolOptions, poolsSchema } from '../pools/options.ts';
import { tenantsSchema } from '../tenants/options.ts';
import { compileTenants } from '../tenants/registry.ts';
import { compileRule } from '../zones/compile-rule.ts';
import { compileZoneTable } from '../zones/compile.ts';
import { compileZone } from './compile-zone.ts';
import { listConfigurationFiles } from './files.ts';
import { createProblem, problemFromIssue, type Problem, sortProblems } from './problems.ts';
import { readYaml } from './read-yaml.ts';
import {
  type GatewayOptions,
  gatewaySchema,
  type PolicyTest,
  type ZoneOptions,
  zoneSchema,
} from './schema.ts';
import { createSecretPlaces } from './secret-places.ts';
import { createSystemSecretSources, type SecretSources } from './secret-sources.ts';
import { type ResolvedDocument, resolveSecrets } from './secrets.ts';
import { validate } from './validate.ts';

/** A policy test and where it stands. */
export interface LocatedTest {
  test: PolicyTest;
  zone: string;
  /** `file:line:column`. */
  at: string;
}

/** A whole configuration, compiled. */
export interface Configuration {
  gateway: GatewayOptions;
  identities: Identities;
  pools: readonly PoolOptions[];
  snapshot: Snapshot;
  tests: readonly LocatedTest[];
}

export interface Loaded {
  /** Undefined when there are problems. */
  configuration: Configuration | undefined;
  problems: Problem[];
  /** Absolute paths of everything that was read or looked for, secret files included; a change of one asks for a reload. */
  files: string[];
}

export interface LoadOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** Wall clock, for the validity of certificates. */
  nowMs: number;
}

/**
 * Reads, checks and compiles a configuration directory. `serve`, `check`, `explain` and `test` all call this very function,
 * so what one accepts no other refuses. Reports every problem of every file at once; never throws for a bad configuration.
 */
export function loadConfiguration(directory: string, { env, nowMs }: LoadOptions): Loaded {
  const load = new Load(resolve(directory), env);
  const { files, problems } = listConfigurationFiles(load.directory);
  load.problems.push(...problems);
  if (files === undefined) return { configuration: undefined, problems, files: [...load.files] };

  const gatewayFile = load.read(files.gateway, gatewaySchema);
  const identitiesFile =
    files.identities === undefined ? undefined : load.read(files.identities, identitiesSchema);
  const poolsFile = load.read(files.pools, poolsSchema);
  const tenantFiles = files.tenants.map((file) => load.read(file, tenantsSchema));
  const zoneFiles = files.zones.map((file) => load.read(file, zoneSchema, checkRule));
  if (files.zones.length === 0) load.problems.push(noZone);

  const identities = compileIdentitiesFile(load, identitiesFile, {
    expected: files.identities !== undefined,
    nowMs,
  });
  const pools = compilePoolsFile(load, poolsFile);
  const tenants = compileTenantFiles(load, tenantFiles);
  const zones = compileZones(load, zoneFiles, { identities, pools });

  const complete =
    load.problems.length === 0 &&
    gatewayFile !== undefined &&
    identities !== undefined &&
    pools !== undefined;
  return {
    configuration: complete
      ? {
          gateway: gatewayFile.value,
          identities,
          pools,
          snapshot: {
            version: load.version(),
            trustedProxies: gatewayFile.value.trustedProxies,
            zones: zones.table,
            zonesByName: zones.byName,
            tenants,
          },
          tests: zones.tests,
        }
      : undefined,
    problems: sortProblems(load.problems),
    files: [...load.files],
  };
}

interface ReadSection<T> {
  value: T;
  document: ResolvedDocument;
}

/** What one load gathers on its way. */
class Load {
  readonly directory: string;
  readonly problems: Problem[] = [];
  readonly files = new Set<string>();
  readonly #sources: SecretSources;
  readonly #places = createSecretPlaces();
  readonly #hash = createHash('sha256');

  constructor(directory: string, env: LoadOptions['env']) {
    this.directory = directory;
    this.#sources = createSystemSecretSources(directory, env);
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
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      this.problems.push(missingFile(file));
      return undefined;
    }
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

/** Reads the rule of a zone file of whatever form. */
function checkRule(value: unknown): readonly Issue[] {
  if (typeof value !== 'object' || value === null || !('match' in value) || typeof value.match !== 'string')
    return [];
  return compileRule(value.match).issues;
}

function locateIn(document: ResolvedDocument): Locate {
  return (path) => {
    const { line, column } = document.locate(path);
    return `${document.file}:${line}:${column}`;
  };
}

function compileIdentitiesFile(
  load: Load,
  section: ReadSection<z.output<typeof identitiesSchema>> | undefined,
  { expected, nowMs }: { expected: boolean; nowMs: number },
): Identities | undefined {
  if (section === undefined) return expected ? undefined : { issuers: new Map(), authorities: new Map() };
  const { identities, issues } = compileIdentities(section.value, nowMs);
  load.note(section.document, issues);
  return identities;
}

function compilePoolsFile(
  load: Load,
  section: ReadSection<z.output<typeof poolsSchema>> | undefined,
): readonly PoolOptions[] | undefined {
  if (section === undefined) return undefined;
  const { pools, issues } = compilePools(section.value);
  load.note(section.document, issues);
  // A pool with a problem is left out; zones that name it are not to be blamed for that.
  return issues.length > 0 ? undefined : pools;
}

function compileTenantFiles(
  load: Load,
  sections: readonly (ReadSection<z.output<typeof tenantsSchema>> | undefined)[],
): Snapshot['tenants'] {
  const read = sections.filter((section) => section !== undefined);
  const { registry, issues } = compileTenants(read.map((section) => section.value));
  for (const { path, ...issue } of issues) {
    const [file, ...inFile] = path;
    const section = read[Number(file)];
    if (section !== undefined) load.note(section.document, [{ path: inFile, ...issue }]);
  }
  return registry;
}

interface CompiledZones {
  table: Snapshot['zones'];
  byName: ReadonlyMap<string, CompiledZone>;
  tests: LocatedTest[];
}

function compileZones(
  load: Load,
  sections: readonly (ReadSection<ZoneOptions> | undefined)[],
  surroundings: { identities: Identities | undefined; pools: readonly PoolOptions[] | undefined },
): CompiledZones {
  const byName = new Map<string, CompiledZone>();
  const documents = new Map<string, ResolvedDocument>();
  const rules: { name: string; match: string; overrides: readonly string[]; at: string }[] = [];
  const tests: LocatedTest[] = [];
  for (const section of sections) {
    if (section === undefined) continue;
    const { value, document } = section;
    const locate = locateIn(document);
    const { zone, issues } = compileZone(value, surroundings, locate);
    load.note(document, issues);
    const twin = documents.get(value.zone);
    if (twin !== undefined) {
      load.note(document, [repeatedZone(value.zone, twin.file)]);
      continue;
    }
    byName.set(value.zone, zone);
    documents.set(value.zone, document);
    rules.push({ name: value.zone, match: value.match, overrides: value.overrides, at: zone.at });
    value.tests.forEach((test, index) =>
      tests.push({ test, zone: value.zone, at: locate(['tests', index]) }),
    );
  }
  const { table, issues } = compileZoneTable(rules);
  // An unknown zone is not worth a complaint while the file that may define it cannot be read.
  const broken = sections.includes(undefined);
  for (const { zone, issue } of issues) {
    const document = documents.get(zone);
    if (document === undefined || (broken && issue.path[0] === 'overrides')) continue;
    load.note(document, [issue]);
  }
  return { table, byName, tests };
}

function repeatedZone(zone: string, file: string): Issue {
  return {
    path: ['zone'],
    what: `Zone "${zone}" is defined in ${file} already.`,
    consequence: 'Only one of the two could be in force.',
    fix: 'Rename or remove one of them.',
  };
}

function missingFile(file: string): Problem {
  return createProblem(file, { line: 1, column: 1 }, [], {
    what: `"${file}" is missing or cannot be read.`,
    consequence: 'The gateway could not start.',
    fix: `Add ${file}; the example configuration has one to begin with.`,
  });
}

const noZone = createProblem('zones', { line: 1, column: 1 }, [], {
  what: 'There is no zone.',
  consequence: 'Every request would be refused with no_zone.',
  fix: 'Add a file such as zones/public.yaml with zone, match, identify and pools.',
});
