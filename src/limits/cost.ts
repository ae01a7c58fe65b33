// hot path: what a request costs; a limit whose cost depends on the workload alone is told by `varies`.
import type { OdooCall } from '../core/facts.ts';
import { findCallEntry } from '../core/method-pattern.ts';
import { type Workload, workloads } from '../core/workload.ts';
import type { CostOptions } from './cost-options.ts';

/** What one request is worth to a limit. Whole tokens by workload, and what is added or stands in their place. */
export interface LimitCost extends Readonly<Record<Workload, number>> {
  /** Whether anything but the workload counts. */
  readonly varies: boolean;
  /** Calls with a cost of their own, in the order in which they count. */
  readonly odoo: readonly OdooCost[];
  /** Bytes for one token more; 0 where they cost nothing. */
  readonly perRequestBytes: number;
  readonly perResponseBytes: number;
  /** Tokens for a second. */
  readonly perSecond: number;
}

interface OdooCost {
  readonly model: string;
  readonly methods: readonly string[];
  readonly cost: number;
}

/** How much of what is paid for was used. */
export interface Usage {
  /** Undefined where only the head of the request can tell. */
  requestBytes: number | undefined;
  responseBytes: number;
  durationMs: number;
}

export function compileCost(authored: CostOptions): LimitCost {
  const { odoo = [], perRequestBytes = 0, perResponseBytes = 0, perSecond = 0 } = authored;
  return {
    interactive: authored.interactive ?? 1,
    batch: authored.batch ?? 1,
    websocket: authored.websocket ?? 1,
    static: authored.static ?? 1,
    varies: odoo.length > 0 || perRequestBytes + perResponseBytes + perSecond > 0,
    odoo,
    perRequestBytes,
    perResponseBytes,
    perSecond,
  };
}

/** The most that the kind of a request can cost, whatever its size and duration. */
export function dearestCost(cost: LimitCost): number {
  let dearest = 0;
  for (const workload of workloads) dearest = Math.max(dearest, cost[workload]);
  for (const entry of cost.odoo) dearest = Math.max(dearest, entry.cost);
  return dearest;
}

/** What the kind of a request costs: that of its Odoo call, where the limit names it, else that of its workload. */
export function kindCost(cost: LimitCost, workload: Workload, call: OdooCall | undefined): number {
  const entry = call === undefined ? undefined : findCallEntry(cost.odoo, call);
  return entry === undefined ? cost[workload] : entry.cost;
}

/** Whether something of a request is paid only when it is over. */
export function isPostPaid(cost: LimitCost): boolean {
  return cost.perRequestBytes + cost.perResponseBytes + cost.perSecond > 0;
}

/** Tokens for a request body of so many bytes. */
export function requestBytesCost(cost: LimitCost, bytes: number): number {
  return cost.perRequestBytes === 0 ? 0 : Math.ceil(bytes / cost.perRequestBytes);
}

/** Tokens for what is only known when the request is over. */
export function afterwardsCost(cost: LimitCost, { responseBytes, durationMs }: Usage): number {
  const ofBytes = cost.perResponseBytes === 0 ? 0 : Math.ceil(responseBytes / cost.perResponseBytes);
  return ofBytes + Math.ceil((durationMs * cost.perSecond) / 1000);
}
