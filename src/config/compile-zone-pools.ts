import type { ConfigPath, Issue, Locate } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import type { Tier } from '../core/tenant.ts';
import { type Workload, workloads } from '../core/workload.ts';
import type { CanaryRule } from '../decide/canary.ts';
import type { CompiledZone, PoolChoice } from '../decide/snapshot.ts';
import type { PoolOptions } from '../pools/options.ts';
import { type CanaryOptions, checkCanary } from './canary-options.ts';
import type { ZoneOptions } from './schema.ts';

/** Which pools serve whom in a zone. Issue paths begin at the top of the zone file. */
export function compileZonePools(
  { pools: options, tenant }: Pick<ZoneOptions, 'pools' | 'tenant'>,
  { tenantIds, ...surroundings }: PoolSurroundings & { tenantIds: ReadonlySet<string> | undefined },
): { chosen: Pick<CompiledZone, 'pools' | 'poolsByTier' | 'canary'>; issues: Issue[] } {
  const issues: Issue[] = [];
  const { tiers, canary, ...base } = options;
  const named = compilePools(base, { path: ['pools'], ...surroundings }, issues);
  if (named.interactive === undefined && named.batch === undefined) issues.push(noHttpPool);
  const poolsByTier = compileTiers(tiers, { named, ...surroundings }, issues);
  const pools = fillGaps(named);
  if (canary === undefined) return { chosen: { pools, poolsByTier }, issues };
  issues.push(...checkCanary(canary, { hasTenant: tenant !== undefined, tenantIds }));
  return { chosen: { pools, poolsByTier, canary: compileCanary(canary, surroundings, issues) }, issues };
}

/** Largest body that some pool of the zone takes. */
export function largestBody(
  { tiers, canary, ...base }: ZoneOptions['pools'],
  pools: readonly PoolOptions[] = [],
): number {
  const names = new Set([base, ...Object.values(tiers)].flatMap((choices) => Object.values(choices ?? {})));
  if (canary !== undefined) names.add(canary.pool);
  const serving = pools.filter(({ name, kind }) => kind === 'http' && names.has(name));
  return Math.max(0, ...serving.map((pool) => pool.maxBodyBytes));
}

/** A bound that no request could reach, because every pool refuses it before. */
export function checkMaxBody(
  { maxBody, pools: options }: Pick<ZoneOptions, 'maxBody' | 'pools'>,
  pools: readonly PoolOptions[],
): Issue[] {
  const most = largestBody(options, pools);
  if (maxBody === undefined || maxBody <= most) return [];
  return [
    {
      path: ['maxBody'],
      what: `"${sizeText(maxBody)}" is more than the pools of the zone take, which is ${sizeText(most)}.`,
      consequence: 'Larger bodies would be refused all the same.',
      fix: `Write at most ${sizeText(most)}, or raise maxBody of a pool.`,
    },
  ];
}

function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes > 0 && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

const noHttpPool: Issue = {
  path: ['pools'],
  what: 'The zone has neither an interactive nor a batch pool.',
  consequence: 'No request could be served.',
  fix: 'Add interactive: or batch: with the name of a pool in pools.yaml.',
};

type PoolNames = Partial<Record<Workload, string | undefined>>;
type PoolChoices = Partial<Record<Workload, PoolChoice>>;

interface PoolSurroundings {
  pools: readonly PoolOptions[] | undefined;
  locate: Locate;
}

/** A tier writes only what differs from the zone's own pools. */
function compileTiers(
  tiers: Partial<Record<Tier, PoolNames | undefined>>,
  { named, ...surroundings }: PoolSurroundings & { named: PoolChoices },
  issues: Issue[],
): CompiledZone['poolsByTier'] {
  const compiled: Partial<Record<Tier, PoolChoices>> = {};
  for (const tier of ['shared', 'semi-isolated', 'dedicated'] as const) {
    const names = tiers[tier];
    if (names === undefined) continue;
    const own = compilePools(names, { path: ['pools', 'tiers', tier], ...surroundings }, issues);
    compiled[tier] = fillGaps({ ...named, ...own });
  }
  return compiled;
}

function compilePools(
  names: PoolNames,
  { path, pools, locate }: PoolSurroundings & { path: ConfigPath },
  issues: Issue[],
): PoolChoices {
  const choices: PoolChoices = {};
  for (const workload of workloads) {
    const name = names[workload];
    if (name === undefined) continue;
    const at = [...path, workload];
    const issue = pools === undefined ? undefined : checkPool(name, { workload, path: at, pools });
    if (issue !== undefined) issues.push(issue);
    choices[workload] = { pool: name, at: locate(at) };
  }
  return choices;
}

/** One pool for all that is HTTP: whoever tries a new version gets all of it. */
function compileCanary(
  { pool, websocket, share, tenants }: CanaryOptions,
  { pools, locate }: PoolSurroundings,
  issues: Issue[],
): CanaryRule {
  const place = ['pools', 'canary'];
  const issue =
    pools === undefined
      ? undefined
      : checkPool(pool, { workload: 'interactive', path: [...place, 'pool'], pools });
  if (issue !== undefined) issues.push(issue);
  const choice = { pool, at: locate([...place, 'pool']) };
  return {
    pools: {
      interactive: choice,
      batch: choice,
      static: choice,
      ...compilePools({ websocket }, { path: place, pools, locate }, issues),
    },
    share,
    tenants: tenants && new Set(tenants),
  };
}

/** With one pool there is nothing to keep apart: it serves both classes. Static files are light, so they sit with people. */
function fillGaps(choices: PoolChoices): PoolChoices {
  const http = choices.interactive ?? choices.batch;
  return http === undefined
    ? choices
    : { interactive: http, batch: choices.batch ?? http, static: http, ...choices };
}

function checkPool(
  name: string,
  { workload, path, pools }: { workload: Workload; path: ConfigPath; pools: readonly PoolOptions[] },
): Issue | undefined {
  const pool = pools.find((candidate) => candidate.name === name);
  if (pool === undefined) {
    const nearest = nearestName(
      name,
      pools.map((candidate) => candidate.name),
    );
    return {
      path,
      what: `"${name}" is not a pool in pools.yaml.`,
      consequence: `${workload} requests could not be served.`,
      fix:
        nearest === undefined
          ? 'Write the name of a pool in pools.yaml, or add it there.'
          : `Write ${nearest} if that is meant, or add "${name}" to pools.yaml.`,
    };
  }
  const wanted = workload === 'websocket' ? 'websocket' : 'http';
  if (pool.kind === wanted) return undefined;
  return {
    path,
    what: `Pool "${name}" is of kind ${pool.kind}, and ${workload} requests need one of kind ${wanted}.`,
    consequence: 'Odoo answers on the wrong port with an error.',
    fix: `Write the name of a pool with kind: ${wanted}.`,
  };
}
