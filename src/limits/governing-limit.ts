// hot path: a limit without overrides and schedule is found by one comparison.
import type { Clock } from '../core/clock.ts';
import type { Tier } from '../core/tenant.ts';
import type { CompiledLimit } from './compile.ts';
import type { Schedule } from './schedule.ts';

/** Figures of a limit, and the times at which they are others. */
export interface Figures {
  readonly limit: CompiledLimit;
  readonly schedule: Schedule | undefined;
}

/** Who has other figures than everybody else. */
export interface Exceptions {
  readonly everybody: Figures;
  readonly byTier: ReadonlyMap<Tier, Figures>;
  readonly byTenant: ReadonlyMap<string, Figures>;
  /** By issuer, then by name. */
  readonly byPrincipal: ReadonlyMap<string, ReadonlyMap<string, Figures>>;
}

/** A limit as a zone has it, with the figures that it is written with. */
export type ZoneLimit = CompiledLimit & {
  /** Absent where these figures hold for everybody and at all times. */
  readonly exceptions?: Exceptions;
};

/** Whom a request comes from, as far as known. */
export interface Caller {
  readonly tenant: { readonly id: string; readonly tier: Tier } | undefined;
  readonly principal: { readonly issuer: string; readonly subject: string } | undefined;
}

/**
 * The limit with the figures that govern a request now: those of the principal, else of the tenant, else of the tier, else
 * everybody's. One set governs alone; who has figures of its own is never counted against others as well.
 */
export function governingLimit(limit: ZoneLimit, caller: Caller, clock: Clock): CompiledLimit {
  const { exceptions } = limit;
  if (exceptions === undefined) return limit;
  const figures = figuresFor(exceptions, caller);
  return figures.schedule === undefined ? figures.limit : figures.schedule.at(clock.wallMs());
}

function figuresFor(exceptions: Exceptions, { tenant, principal }: Caller): Figures {
  const { everybody, byTier, byTenant, byPrincipal } = exceptions;
  if (principal !== undefined && byPrincipal.size > 0) {
    const own = byPrincipal.get(principal.issuer)?.get(principal.subject);
    if (own !== undefined) return own;
  }
  if (tenant === undefined) return everybody;
  return byTenant.get(tenant.id) ?? byTier.get(tenant.tier) ?? everybody;
}

/** All figures that a limit can have, each set once: those of everybody first. */
export function allFiguresOf(limit: ZoneLimit): CompiledLimit[] {
  const { exceptions } = limit;
  if (exceptions === undefined) return [limit];
  const sets = [
    exceptions.everybody,
    ...exceptions.byTier.values(),
    ...exceptions.byTenant.values(),
    ...[...exceptions.byPrincipal.values()].flatMap((bySubject) => [...bySubject.values()]),
  ];
  return sets.flatMap((figures) => [
    figures.limit,
    ...(figures.schedule?.entries ?? []).map((entry) => entry.limit),
  ]);
}
