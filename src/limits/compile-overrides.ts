import { createHash } from 'node:crypto';
import type { ConfigPath, Issue, Locate } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import type { Tier } from '../core/tenant.ts';
import { compileFigures, compileScheduleOf, type FiguresPlace } from './compile-figures.ts';
import { compileLimit, type CompiledLimit } from './compile.ts';
import type { Exceptions, Figures, ZoneLimit } from './governing-limit.ts';
import { encodeKeyPart } from './key.ts';
import type { OverrideOptions, OwnFiguresOptions, ZoneLimitOptions } from './override-options.ts';

/** The figures that a tenant's contract gives it, as they stand in a file of tenants. */
export interface OwnFigures {
  tenant: string;
  authored: OwnFiguresOptions;
  /** Where they stand in that file. */
  path: ConfigPath;
  locate: Locate;
  report: (issue: Issue) => void;
}

/** What the zone says about those whom an override may be for. */
export interface ZoneCallers {
  zone: string;
  hasTenant: boolean;
  /** Names of the issuers and authorities whose credentials the zone accepts; undefined when they cannot be told. */
  accepted: ReadonlySet<string> | undefined;
  /** Names of all issuers and authorities. */
  known: ReadonlySet<string>;
  locate: Locate;
  report: (issue: Issue) => void;
}

/** Whom an override is for. */
type Selector =
  | { kind: 'tier'; tier: Tier }
  | { kind: 'tenant'; tenant: string }
  | { kind: 'principal'; principal: string; issuer: string };

interface Exception {
  selector: Selector;
  authored: OwnFiguresOptions;
  path: ConfigPath;
  locate: Locate;
  report: (issue: Issue) => void;
}

/**
 * Adds its schedule, its overrides and the tenants' own figures to a limit.
 *
 * Where the key of the limit tells those apart whom an override is for, they keep their budget and only its figures are
 * others: an override that is added or removed keeps what is owed. Where the key is coarser (one budget for the whole
 * zone), an override has a budget of its own and does not spend from everybody's.
 */
export function compileExceptions(
  limit: CompiledLimit,
  { entry, path, own }: { entry: ZoneLimitOptions; path: ConfigPath; own: readonly OwnFigures[] },
  callers: ZoneCallers,
): ZoneLimit {
  const { schedule, overrides, ...base } = entry;
  const exceptions = [
    ...readOverrides(entry, { overrides: overrides ?? [], path, callers }),
    ...readOwnFigures(entry, own, callers),
  ];
  const definitions = defineBudgets(limit, { entry, exceptions, callers });
  const itself = compileLimit(base, { id: limit.id, path, at: limit.at });
  const told = new Set(itself.issues.map((issue) => issue.what));
  const placeOf = (
    { path: at, locate, report }: Pick<FiguresPlace, 'path' | 'locate' | 'report'>,
    selector: Selector | undefined,
  ): FiguresPlace => {
    const id = budgetOf(limit, selector, callers);
    const variant = selector === undefined ? 'default' : describeSelector(selector);
    const subject =
      selector?.kind === 'tenant' ? `Tenant "${selector.tenant}"` : `The override for ${variant}`;
    return { subject, id, definition: definitions.get(id) ?? '', variant, told, path: at, locate, report };
  };
  const mine = placeOf({ path, locate: callers.locate, report: callers.report }, undefined);
  const everybody: CompiledLimit = { ...limit, definition: mine.definition, variant: mine.variant };
  const timed = compileScheduleOf(base, { limit: everybody, authored: { schedule }, place: mine });
  if (exceptions.length === 0 && timed === undefined) return everybody;
  const compiled = {
    everybody: { limit: everybody, schedule: timed },
    byTier: new Map<Tier, Figures>(),
    byTenant: new Map<string, Figures>(),
    byPrincipal: new Map<string, Map<string, Figures>>(),
  } satisfies Exceptions;
  for (const exception of exceptions) {
    const { selector } = exception;
    const figures = compileFigures(base, exception.authored, placeOf(exception, selector));
    if (figures === undefined) continue;
    if (selector.kind === 'tier') compiled.byTier.set(selector.tier, figures);
    else if (selector.kind === 'tenant') compiled.byTenant.set(selector.tenant, figures);
    else {
      const bySubject = compiled.byPrincipal.get(selector.issuer) ?? new Map<string, Figures>();
      compiled.byPrincipal.set(selector.issuer, bySubject.set(selector.principal, figures));
    }
  }
  return { ...everybody, exceptions: compiled };
}

/** The overrides of a zone file that say plainly whom they are for, each of them once. */
function readOverrides(
  { name }: ZoneLimitOptions,
  {
    overrides,
    path,
    callers,
  }: { overrides: readonly OverrideOptions[]; path: ConfigPath; callers: ZoneCallers },
): Exception[] {
  const { locate, report } = callers;
  const exceptions: Exception[] = [];
  const seen = new Set<string>();
  for (const [index, authored] of overrides.entries()) {
    const at: ConfigPath = [...path, 'overrides', index];
    const selector = readSelector(authored, at, callers);
    if ('what' in selector) {
      report(selector);
      continue;
    }
    const text = describeSelector(selector);
    if (seen.has(text)) {
      report({
        path: at,
        what: `Two overrides of limit "${name}" are for ${text}.`,
        consequence: 'It would be chance which of the two governs.',
        fix: 'Remove one of them.',
      });
    } else exceptions.push({ selector, authored, path: at, locate, report });
    seen.add(text);
  }
  return exceptions;
}

function readSelector(authored: OverrideOptions, path: ConfigPath, callers: ZoneCallers): Selector | Issue {
  const { tier, principal, issuer } = authored;
  if (tier !== undefined && (principal !== undefined || issuer !== undefined)) {
    return {
      path,
      what: 'The override is for a tier and for a caller.',
      consequence: 'It would be unknown whether one of them is enough.',
      fix: 'Write one override for each.',
    };
  }
  if (tier !== undefined) {
    if (callers.hasTenant) return { kind: 'tier', tier };
    return {
      path: [...path, 'tier'],
      what: `The override is for tier ${tier}, but the zone has no tenant.`,
      consequence: 'It would never apply.',
      fix: 'Add tenant: { from: [host] } to the zone, or remove the override.',
    };
  }
  if (principal === undefined) {
    return {
      path,
      what: `The override is for nobody${issuer === undefined ? '' : ': it has an issuer and no principal'}.`,
      consequence: 'It would never apply.',
      fix: "Add tier:, or principal: and issuer:. A tenant's own figures stand in tenants.yaml, under limits of the tenant.",
    };
  }
  return readPrincipal({ principal, issuer }, path, callers);
}

function readPrincipal(
  { principal, issuer }: { principal: string; issuer: string | undefined },
  path: ConfigPath,
  { zone, accepted, known }: ZoneCallers,
): Selector | Issue {
  if (accepted?.size === 0) {
    return {
      path: [...path, 'principal'],
      what: 'The override is for one caller, but the zone identifies nobody.',
      consequence: 'It would never apply.',
      fix: 'Add credentials under identify, or remove the override.',
    };
  }
  const names = [...(accepted ?? [])];
  const [only] = names;
  const choose = names.length === 1 ? `Write issuer: ${only}.` : `Write one of ${names.join(', ')}.`;
  if (issuer === undefined) {
    return {
      path,
      what: `The override for principal "${principal}" has no issuer.`,
      consequence: 'Somebody else, of the same name at another issuer, would get its figures.',
      fix: accepted === undefined ? 'Add issuer:.' : choose,
    };
  }
  if (accepted === undefined || accepted.has(issuer)) return { kind: 'principal', principal, issuer };
  if (known.has(issuer)) {
    return {
      path: [...path, 'issuer'],
      what: `Zone "${zone}" accepts no credential of "${issuer}".`,
      consequence: 'The override would never apply.',
      fix: `${choose.slice(0, -1)}, or add a credential of ${issuer} under identify.`,
    };
  }
  const nearest = nearestName(issuer, known);
  return {
    path: [...path, 'issuer'],
    what: `"${issuer}" is neither an issuer nor a client authority in identities.yaml.`,
    consequence: 'The override would never apply.',
    fix: nearest === undefined ? choose : `Write ${nearest}.`,
  };
}

function readOwnFigures(
  { name }: ZoneLimitOptions,
  own: readonly OwnFigures[],
  { zone, hasTenant }: ZoneCallers,
): Exception[] {
  if (hasTenant) return own.map(({ tenant, ...rest }) => ({ selector: { kind: 'tenant', tenant }, ...rest }));
  for (const { path, report } of own) {
    report({
      path,
      what: `Zone "${zone}" has no tenant, so nobody has figures of its own for its limit "${name}".`,
      consequence: 'They would never apply.',
      fix: 'Remove them, or add tenant: { from: [host] } to the zone.',
    });
  }
  return [];
}

function describeSelector(selector: Selector): string {
  if (selector.kind === 'tier') return `tier ${selector.tier}`;
  if (selector.kind === 'tenant') return `tenant ${selector.tenant}`;
  return `principal ${selector.principal} of ${selector.issuer}`;
}

/** The id of the budget that a selector's figures are for. */
function budgetOf(limit: CompiledLimit, selector: Selector | undefined, callers: ZoneCallers): string {
  if (selector === undefined || isToldApart(limit, selector, callers)) return limit.id;
  // An authored name holds no @.
  if (selector.kind === 'tier') return `${limit.id}@tier=${selector.tier}`;
  if (selector.kind === 'tenant') return `${limit.id}@tenant=${selector.tenant}`;
  const principal = encodeKeyPart(selector.principal).replaceAll(' ', '%20');
  return `${limit.id}@principal=${selector.issuer}/${principal}`;
}

/** Whether every budget of the limit belongs wholly to those that the selector names, or wholly to others. */
function isToldApart(
  { key }: CompiledLimit,
  selector: Selector,
  { hasTenant, accepted }: ZoneCallers,
): boolean {
  if (selector.kind !== 'principal') return key === 'tenant' || key === 'principal';
  // Within a tenant the key of a caller does not tell its issuer.
  return key === 'principal' && (!hasTenant || accepted?.size === 1);
}

/**
 * A short text for each budget that changes when, and only when, any of its figures does, whatever the order in which they
 * are written. All figures of one budget share it, so that instances can tell an older configuration from a newer one.
 */
function defineBudgets(
  limit: CompiledLimit,
  {
    entry,
    exceptions,
    callers,
  }: { entry: ZoneLimitOptions; exceptions: readonly Exception[]; callers: ZoneCallers },
): Map<string, string> {
  const { rate, burst, quota, timezone, anchorDay, inFlight } = entry;
  const figures: Record<string, string[]> = {
    [limit.id]: [
      JSON.stringify([rate, burst, quota, timezone, anchorDay, inFlight, sortByName(entry.schedule)]),
    ],
  };
  for (const { selector, authored } of exceptions) {
    const text = JSON.stringify([
      describeSelector(selector),
      authored.rate,
      authored.burst,
      authored.quota,
      authored.inFlight,
      sortByName(authored.schedule),
    ]);
    (figures[budgetOf(limit, selector, callers)] ??= []).push(text);
  }
  return new Map(Object.entries(figures).map(([id, texts]) => [id, digest(texts.toSorted().join('\n'))]));
}

function sortByName(entries: OwnFiguresOptions['schedule']): OwnFiguresOptions['schedule'] {
  return entries?.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
