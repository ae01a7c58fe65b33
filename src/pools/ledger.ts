import type { WorkClass } from '../core/work-class.ts';
import type { SeatOutcome } from './seat.ts';

/**
 * Why a request got no seat, a metric label. `deadline`: its turn would come too late. `delay`: the queue of its tenant stands.
 * `tenant_queue_full`, `pool_queue_full`: there was no place, or somebody else got it.
 */
export type ShedCause = 'client_gone' | 'deadline' | 'delay' | 'tenant_queue_full' | 'pool_queue_full';

/** A seat that is back. */
export interface ServedSeat {
  workClass: WorkClass;
  tenant: string;
  serviceMs: number;
  outcome: SeatOutcome;
}

/** Told what becomes of requests, for metrics. */
export interface PoolLedger {
  served(pool: string, seat: ServedSeat): void;
  shed(pool: string, workClass: WorkClass, cause: ShedCause): void;
}
