import { compileIdentify, type Identities } from '../auth/compile.ts';
import type { ConfigPath, Issue, Locate } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import type { Tier } from '../core/tenant.ts';
import { type Workload, workloads } from '../core/workload.ts';
import type { CompiledZone, PoolChoice } from '../decide/snapshot.ts';
import { compileGuard, compileLimits, limitNeedsPrincipal } from '../limits/compile.ts';
import { compileOdooAllow } from '../odoo/allow.ts';
import { compileWorkload } from '../odoo/workload.ts';
import type { PoolOptions } from '../pools/options.ts';
import { isOurs } from '../decide/identity-fields.ts';
import type { ZoneOptions } from './schema.ts';

/** What a zone file refers to; undefined where that file is broken itself, so that its absence is not complained about too. */
export interface ZoneSurroundings {
  identities: Identities | undefined;
  pools: readonly PoolOptions[] | undefined;
}

/** Compiles one zone file. The zone is whole only when there are no issues. */
export function compileZone(
  options: ZoneOptions,
  { identities, pools }: ZoneSurroundings,
  locate: Locate,
): { zone: CompiledZone; issues: Issue[] } {
  const issues: Issue[] = [];
  const under =
    (...prefix: ConfigPath): Locate =>
    (path) =>
      locate([...prefix, ...path]);
  const identify =
    identities === undefined
      ? { identify: { alternatives: [], at: '' }, issues: [] }
      : compileIdentify(options.identify, identities, under('identify'));
  issues.push(...prefixed(identify.issues, 'identify'));
  const limits = compileLimits(options.zone, options.limits, locate);
  issues.push(...limits.issues, ...checkKeys(options), ...checkTenant(options), ...checkPassing(options));
  const guard =
    options.address.guard === undefined
      ? undefined
      : compileGuard(options.zone, options.address.guard, { path: ['address', 'guard'], locate });
  issues.push(...(guard?.issues ?? []));
  const { tiers, ...base } = options.pools;
  const named = compilePools(base, { path: ['pools'], pools, locate }, issues);
  if (named.interactive === undefined && named.batch === undefined) issues.push(noHttpPool);
  return {
    zone: {
      name: options.zone,
      at: locate(['match']),
      address: {
        allow: options.address.allow,
        deny: options.address.deny,
        guard: guard?.limit,
        at: locate(['address']),
      },
      bruteForce: { enabled: options.bruteForce, at: locate(['bruteForce']) },
      identify: identify.identify,
      tenant:
        options.tenant === undefined ? undefined : { from: options.tenant.from, at: locate(['tenant']) },
      odoo:
        options.allow.odoo === undefined
          ? undefined
          : compileOdooAllow(options.allow.odoo, under('allow', 'odoo')),
      workload: compileWorkload(options.workload, under('workload')),
      limits: limits.limits,
      pools: fillGaps(named),
      poolsByTier: compileTiers(tiers, { named, pools, locate }, issues),
      forwarding: {
        passAuthorization: options.headers.passAuthorization,
        passFields: options.headers.pass,
      },
    },
    issues,
  };
}

function prefixed(issues: readonly Issue[], key: string): Issue[] {
  return issues.map((issue) => ({ ...issue, path: [key, ...issue.path] }));
}

/** A limit whose key nothing in the zone can tell would never count. */
function checkKeys(options: ZoneOptions): Issue[] {
  const issues: Issue[] = [];
  for (const [index, limit] of options.limits.entries()) {
    const path = ['limits', index, 'key'];
    if (limitNeedsPrincipal(limit) && options.identify === 'none') {
      issues.push({
        path,
        what: `Limit "${limit.name}" counts for each principal, but the zone identifies nobody.`,
        consequence: 'It would never count, and nobody would be limited by it.',
        fix: 'Write key: client, or add credentials under identify.',
      });
    }
    if (limit.key === 'tenant' && options.tenant === undefined) {
      issues.push({
        path,
        what: `Limit "${limit.name}" counts for each tenant, but the zone has no tenant.`,
        consequence: 'It would never count, and nobody would be limited by it.',
        fix: 'Add tenant: { from: [host] }, or write another key.',
      });
    }
  }
  return issues;
}

function checkTenant(options: ZoneOptions): Issue[] {
  if (options.tenant === undefined) {
    if (!options.match.includes('{tenant}')) return [];
    return [
      {
        path: ['match'],
        what: 'The rule captures {tenant}, but the zone does not use it.',
        consequence: 'A host of any name would match, tenants that do not exist included.',
        fix: 'Add tenant: { from: [host] }, or name the hosts.',
      },
    ];
  }
  const source = options.tenant.from.indexOf('principal');
  if (source === -1 || options.identify !== 'none') return [];
  return [
    {
      path: ['tenant', 'from', source],
      what: 'The tenant is to be read from the credential, but the zone identifies nobody.',
      consequence: 'This source would never name a tenant.',
      fix: 'Remove principal, or add credentials under identify.',
    },
  ];
}

function checkPassing(options: ZoneOptions): Issue[] {
  const issues: Issue[] = [];
  for (const [index, name] of options.headers.pass.entries()) {
    if (!isOurs(name.replace(/\*$/, ''))) continue;
    issues.push({
      path: ['headers', 'pass', index],
      what: `"${name}" is set by the gateway itself.`,
      consequence: 'A client could pretend to be somebody else.',
      fix: 'Remove it from the list.',
    });
  }
  return issues;
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
