import type { ClassOptions, PoolOptions } from '../../src/pools/options.ts';
import type { Claim } from '../../src/pools/seat.ts';
import { workClasses, type WorkClass } from '../../src/core/work-class.ts';

/** What `classes` is when nothing is written. */
export const shippedClasses: Readonly<Record<WorkClass, ClassOptions>> = {
  critical: { weight: 16, deadlineMs: 8_000, targetMs: 500, reserve: undefined },
  interactive: { weight: 8, deadlineMs: 8_000, targetMs: 500, reserve: undefined },
  batch: { weight: 1, deadlineMs: 90_000, targetMs: 10_000, reserve: undefined },
};

/** The same with one deadline for all. */
export function classesWithDeadline(deadlineMs: number): Record<WorkClass, ClassOptions> {
  const { critical, interactive, batch } = shippedClasses;
  return {
    critical: { ...critical, deadlineMs },
    interactive: { ...interactive, deadlineMs },
    batch: { ...batch, deadlineMs },
  };
}

/** A request of the tenant `acme` that a person waits for. */
export function plainClaim(changes: Partial<Claim> = {}): Claim {
  return {
    zone: 'partner',
    tenant: 'acme',
    workClass: 'interactive',
    route: '/odoo',
    isReport: false,
    ...changes,
  };
}

export interface PoolShape {
  /** Of one endpoint; several make several endpoints. */
  seats: number | readonly number[];
  queue?: Partial<PoolOptions['queue']>;
  classes?: Partial<Record<WorkClass, Partial<ClassOptions>>>;
  serves?: readonly WorkClass[];
}

/** A pool with the shipped defaults of everything that a test does not name, and endpoints that never fail. */
export function poolOptions({
  seats,
  queue = {},
  classes = {},
  serves = workClasses,
}: PoolShape): PoolOptions {
  const list = typeof seats === 'number' ? [seats] : seats;
  const all = list.reduce((sum, one) => sum + one, 0);
  return {
    name: 'odoo',
    kind: 'http',
    endpoints: list.map((one, index) => ({ url: `http://odoo-${index}:8069`, seats: one })),
    keepAlive: false,
    queue: { max: Math.max(64, 16 * all), perTenant: 64, ...queue },
    classes: {
      critical: { ...shippedClasses.critical, ...classes.critical },
      interactive: { ...shippedClasses.interactive, ...classes.interactive },
      batch: { ...shippedClasses.batch, ...classes.batch },
    },
    serves,
    timeoutMs: 130_000,
    connectTimeoutMs: 2_000,
    maxBodyBytes: 1024,
    requestBody: 'collect',
    shared: false,
    health: undefined,
  };
}
