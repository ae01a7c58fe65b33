// hot path: runs once per request that had a seat, and once per request that got none.
import type { Metrics } from './metrics.ts';

/** A seat that is back. */
export interface SeatUse {
  workClass: string;
  /** A tenant, or `zone:` and the name of a zone that knows none. */
  tenant: string;
  serviceMs: number;
  /** `ok` when somebody got the answer. */
  outcome: string;
}

export interface PoolLedger {
  served(pool: string, use: SeatUse): void;
  shed(pool: string, workClass: string, cause: string): void;
}

/** Turns what pools tell into metrics. */
export function createPoolLedger(
  metrics: Metrics,
  tenantLabel: (tenant: string | undefined) => string,
): PoolLedger {
  return {
    served(pool, { workClass, tenant, serviceMs, outcome }) {
      const seconds = serviceMs / 1000;
      metrics.service.add(pool, workClass, seconds);
      metrics.seatSeconds.add([pool, workClass, outcome === 'ok' ? 'yes' : 'no'], seconds);
      metrics.tenantSeatSeconds.add(
        [pool, tenantLabel(tenant.startsWith('zone:') ? undefined : tenant)],
        seconds,
      );
    },
    shed: (pool, workClass, cause) => metrics.shed.add([pool, workClass, cause]),
  };
}
