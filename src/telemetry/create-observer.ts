// hot path: runs once per request.
import type { LimitOutcome } from '../core/limit.ts';
import type { AccessLog } from './access-log.ts';
import type { Metrics } from './metrics.ts';
import type { Observer } from './observer.ts';
import type { RecentRefusals } from './recent-refusals.ts';

export interface ObserverOptions {
  metrics: Metrics;
  log: AccessLog;
  accessLog: boolean;
  /** Tells a fault of the gateway, with what caused it. */
  onFault: (error: unknown, requestId: string) => void;
  tenantLabel: (tenant: string | undefined) => string;
  /** Who was refused last, for an operator who asks. */
  refusals?: RecentRefusals | undefined;
}

const noLimits: readonly LimitOutcome[] = [];

/** Turns finished requests into metrics and log lines. */
export function createObserver(options: ObserverOptions): Observer {
  const { metrics, log, accessLog, tenantLabel, onFault, refusals } = options;

  return {
    finished(request) {
      const { decision, failure } = request;
      const zone = decision?.zone ?? 'none';
      const workload = decision?.workload ?? 'none';
      const tenant = tenantLabel(decision?.tenant?.id);
      metrics.requests.add([request.surface, zone, tenant, workload, request.status]);
      metrics.duration.add(zone, workload, request.durationMs / 1000);
      if (failure !== undefined) metrics.refusals.add([zone, failure]);
      if (request.queueMs > 0 && decision?.pool !== undefined) {
        metrics.queueWait.add(zone, decision.pool, request.queueMs / 1000);
        metrics.classWait.add(decision.pool, decision.workClass ?? 'none', request.queueMs / 1000);
      }
      const { transaction } = request;
      if (transaction !== undefined) {
        metrics.transactions.add([transaction.name, zone, tenant, transaction.outcome]);
        metrics.transactionDuration.add(transaction.name, zone, request.durationMs / 1000);
      }
      const limits = decision?.limits ?? noLimits;
      for (let i = 0; i < limits.length; i++) {
        // Written bound: `i` is below the length.
        const limit = limits[i]!;
        const { name, admitted, shadow } = limit;
        const refused = shadow ? 'shadow_refused' : 'refused';
        metrics.limitDecisions.add([zone, name, admitted ? 'admitted' : refused]);
        if (!admitted) refusals?.note(zone, limit, request.requestId);
      }
      if (accessLog) log.finished(request);
    },
    tunnelEnded(tunnel) {
      metrics.refusals.add([tunnel.decision?.zone ?? 'none', tunnel.reason]);
      if (accessLog) log.tunnelEnded(tunnel);
    },
    malformed(request) {
      metrics.refusals.add(['none', request.reason]);
      if (accessLog) log.malformed(request);
    },
    fault: onFault,
  };
}
