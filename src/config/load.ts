import { resolve } from 'node:path';
import type { z } from 'zod';
import { compileIdentities, type Identities } from '../auth/compile.ts';
import { identitiesSchema } from '../auth/options.ts';
import type { Issue } from '../core/issue.ts';
import type { CompiledZone, Snapshot } from '../decide/snapshot.ts';
import { compilePools } from '../pools/compile.ts';
import { type PoolOptions, poolsSchema } from '../pools/options.ts';
import { compileTenants } from '../tenants/registry.ts';
import { compileRule } from '../zones/compile-rule.ts';
import { compileZoneTable } from '../zones/compile.ts';
import { checkStore } from './check-store.ts';
import { checkTransactions } from './transaction-options.ts';
import { checkSharedPools, checkWorkerSeats, checkWorkerStore } from './check-workers.ts';
import { compileZone, type ZoneSurroundings } from './compile-zone.ts';
import { listConfigurationFiles } from './files.ts';
import { createProblem, type Problem, sortProblems } from './problems.ts';
import type { Recording } from './recording.ts';
import {
  type GatewayOptions,
  gatewaySchema,
  type PolicyTest,
  type TenantFileOptions,
  tenantsSchema,
  type ZoneOptions,
  zoneSchema,
} from './schema.ts';
import { locateIn, type ReadSection, SectionReader } from './section-reader.ts';
import { withServedClasses } from './served-classes.ts';
import { TenantFigures } from './tenant-figures.ts';
import type { ResolvedDocument } from './secrets.ts';

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
  /** What was read; undefined when there are problems. */
  recording: Recording | undefined;
}

export interface LoadOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** Wall clock, for the validity of certificates. */
  nowMs: number;
  /** Reads what an earlier load has read, and no file. */
  recording?: Recording;
  /** How many processes run already, when that cannot follow `gateway.yaml` any more. */
  workers?: number;
}

/**
 * Reads, checks and compiles a configuration directory. `serve`, `check`, `explain` and `test` all call this very function,
 * so what one accepts no other refuses. Reports every problem of every file at once; never throws for a bad configuration.
 */
export function loadConfiguration(
  directory: string,
  { env, nowMs, recording, workers }: LoadOptions,
): Loaded {
  const load = new SectionReader(resolve(directory), env, recording);
  const { files, problems } =
    recording === undefined
      ? listConfigurationFiles(load.directory)
      : { files: recording.files, problems: [] };
  load.problems.push(...problems);
  if (files === undefined) {
    return { configuration: undefined, problems, files: [...load.files], recording: undefined };
  }

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
  const tenantFigures = new TenantFigures(load, tenantFiles);
  const ownFiguresOf = tenantFigures.of.bind(tenantFigures);
  const tenantIds = tenantFiles.includes(undefined) ? undefined : new Set(tenants.byId.keys());
  const zones = compileZones(load, zoneFiles, { identities, pools, ownFiguresOf, tenantIds });
  tenantFigures.checkUsed(zoneFiles.map((section) => section?.value));
  if (gatewayFile !== undefined) {
    load.note(gatewayFile.document, [
      ...checkWorkerStore(gatewayFile.value),
      ...checkStore(gatewayFile.value),
      ...checkTransactions(gatewayFile.value.transactions),
    ]);
    if (poolsFile !== undefined && pools !== undefined) {
      load.note(poolsFile.document, checkWorkerSeats(pools, workers ?? gatewayFile.value.workers));
      load.note(poolsFile.document, checkSharedPools(pools, gatewayFile.value));
    }
  }

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
          pools: withServedClasses(pools, zones.byName.values()),
          snapshot: {
            version: load.version(),
            trustedProxies: gatewayFile.value.trustedProxies,
            zones: zones.table,
            zonesByName: zones.byName,
            tenants,
            transactions: gatewayFile.value.transactions,
          },
          tests: zones.tests,
        }
      : undefined,
    problems: sortProblems(load.problems),
    files: [...load.files],
    recording: complete ? { files, texts: load.texts, secretFiles: load.secretFiles, nowMs } : undefined,
  };
}

/** Reads the rule of a zone file of whatever form. */
function checkRule(value: unknown): readonly Issue[] {
  if (typeof value !== 'object' || value === null || !('match' in value) || typeof value.match !== 'string')
    return [];
  return compileRule(value.match).issues;
}

function compileIdentitiesFile(
  load: SectionReader,
  section: ReadSection<z.output<typeof identitiesSchema>> | undefined,
  { expected, nowMs }: { expected: boolean; nowMs: number },
): Identities | undefined {
  if (section === undefined) return expected ? undefined : { issuers: new Map(), authorities: new Map() };
  const { identities, issues } = compileIdentities(section.value, nowMs);
  load.note(section.document, issues);
  return identities;
}

function compilePoolsFile(
  load: SectionReader,
  section: ReadSection<z.output<typeof poolsSchema>> | undefined,
): readonly PoolOptions[] | undefined {
  if (section === undefined) return undefined;
  const { pools, issues } = compilePools(section.value);
  load.note(section.document, issues);
  // A pool with a problem is left out; zones that name it are not to be blamed for that.
  return issues.length > 0 ? undefined : pools;
}

function compileTenantFiles(
  load: SectionReader,
  sections: readonly (ReadSection<TenantFileOptions> | undefined)[],
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
  load: SectionReader,
  sections: readonly (ReadSection<ZoneOptions> | undefined)[],
  surroundings: ZoneSurroundings,
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

const noZone = createProblem('zones', { line: 1, column: 1 }, [], {
  what: 'There is no zone.',
  consequence: 'Every request would be refused with no_zone.',
  fix: 'Add a file such as zones/public.yaml with zone, match, identify and pools.',
});
