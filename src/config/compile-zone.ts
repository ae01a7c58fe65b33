import { type CompiledIdentify, compileIdentify, type Identities } from '../auth/compile.ts';
import type { ConfigPath, Issue, Locate } from '../core/issue.ts';
import type { CompiledZone } from '../decide/snapshot.ts';
import { compileGuard, limitNeedsPrincipal } from '../limits/compile.ts';
import type { OwnFigures } from '../limits/compile-overrides.ts';
import { compileZoneLimits } from '../limits/compile-zone-limits.ts';
import { compileOdooAllow } from '../odoo/allow.ts';
import { compileCallRules } from '../odoo/call-options.ts';
import { compileWorkload } from '../odoo/workload.ts';
import type { PoolOptions } from '../pools/options.ts';
import { isOurs } from '../decide/identity-fields.ts';
import { checkAnswers, compileAnswers } from './answer-options.ts';
import { checkAllow } from './check-allow.ts';
import { checkMaxBody, compileZonePools, largestBody } from './compile-zone-pools.ts';
import type { ZoneOptions } from './schema.ts';

/** What a zone file refers to; undefined where that file is broken itself, so that its absence is not complained about too. */
export interface ZoneSurroundings {
  identities: Identities | undefined;
  pools: readonly PoolOptions[] | undefined;
  /** What tenants have of their own for a limit, by its id. */
  ownFiguresOf: (limitId: string) => readonly OwnFigures[];
  /** Undefined where a tenant file is broken. */
  tenantIds?: ReadonlySet<string> | undefined;
}

/** Compiles one zone file. The zone is whole only when there are no issues. */
export function compileZone(
  options: ZoneOptions,
  { identities, pools, ownFiguresOf, tenantIds }: ZoneSurroundings,
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
  const callers = {
    zone: options.zone,
    hasTenant: options.tenant !== undefined,
    ...namesOf(identify.identify, identities, identify.issues.length === 0),
    locate,
  };
  const limits = compileZoneLimits(options.limits, callers, ownFiguresOf);
  issues.push(...limits.issues, ...checkKeys(options), ...checkTenant(options), ...checkPassing(options));
  issues.push(...checkAllow(options, tenantIds), ...checkLearning(options));
  issues.push(...checkAnswers(options.answers));
  const guard =
    options.address.guard === undefined
      ? undefined
      : compileGuard(options.zone, options.address.guard, { path: ['address', 'guard'], locate });
  issues.push(...(guard?.issues ?? []));
  const zonePools = compileZonePools(options, { pools, tenantIds, locate });
  issues.push(...zonePools.issues);
  if (pools !== undefined && zonePools.issues.length === 0) issues.push(...checkMaxBody(options, pools));
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
      ...(options.maxBody === undefined
        ? {}
        : { maxBody: { bytes: options.maxBody, at: locate(['maxBody']) } }),
      identify: identify.identify,
      tenant:
        options.tenant === undefined ? undefined : { from: options.tenant.from, at: locate(['tenant']) },
      odoo:
        options.allow.odoo === undefined
          ? undefined
          : compileOdooAllow(options.allow.odoo, under('allow', 'odoo')),
      calls: compileCallRules(options.odoo, under('odoo'), {
        most: largestBody(options.pools, pools),
        cap: options.maxBody,
      }),
      workload: compileWorkload(options.workload, under('workload')),
      limits: limits.limits,
      ...zonePools.chosen,
      forwarding: {
        passAuthorization: options.headers.passAuthorization,
        passFields: options.headers.pass,
      },
      answers: compileAnswers(options.answers),
    },
    issues,
  };
}

/** Whose credentials the zone accepts, and whose there are at all. */
function namesOf(
  { alternatives }: CompiledIdentify,
  identities: Identities | undefined,
  complete: boolean,
): { accepted: ReadonlySet<string> | undefined; known: ReadonlySet<string> } {
  if (identities === undefined) return { accepted: undefined, known: new Set() };
  const accepted = alternatives.map((credential) =>
    credential.kind === 'jwt' ? credential.issuer.name : credential.authority.name,
  );
  return {
    accepted: complete ? new Set(accepted) : undefined,
    known: new Set([...identities.issuers.keys(), ...identities.authorities.keys()]),
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
        fix: 'Write key: session or key: client, or add credentials under identify.',
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

function checkLearning({ workload }: ZoneOptions): Issue[] {
  if (workload.learn === undefined || workload.default === 'interactive') return [];
  return [
    {
      path: ['workload', 'learn'],
      what: 'The zone is to learn which calls are slow, but all that no rule names is batch work already.',
      consequence: 'Nothing would ever be learned.',
      fix: 'Write default: interactive, or remove learn.',
    },
  ];
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
