// hot path: runs once per request.
import type { Logger } from './log.ts';
import { logRequest } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Observer } from './observer.ts';

export interface ObserverOptions {
  metrics: Metrics;
  log: Logger;
  accessLog: boolean;
  tenantLabel: (tenant: string | undefined) => string;
}

/** Turns finished requests into metrics and log lines. */
export function createObserver({ metrics, log, accessLog, tenantLabel }: ObserverOptions): Observer {
  return {
    finished(request) {
      const { decision, failure } = request;
      const zone = decision?.zone ?? 'none';
      const workload = decision?.workload ?? 'none';
      metrics.requests.inc({
        surface: request.surface,
        zone,
        tenant: tenantLabel(decision?.tenant?.id),
        workload,
        status: request.status,
      });
      metrics.duration.observe({ zone, workload }, request.durationMs / 1000);
      if (failure !== undefined) metrics.refusals.inc({ zone, reason: failure });
      if (request.queueMs > 0 && decision?.pool !== undefined) {
        metrics.queueWait.observe({ zone, pool: decision.pool }, request.queueMs / 1000);
      }
      for (const limit of decision?.limits ?? []) {
        const refused = limit.shadow ? 'shadow_refused' : 'refused';
        metrics.limitDecisions.inc({
          zone,
          limit: limit.name,
          outcome: limit.admitted ? 'admitted' : refused,
        });
      }
      if (accessLog) logRequest(log, request);
    },
    malformed({ reason, peerAddress, requestId }) {
      metrics.refusals.inc({ zone: 'none', reason });
      if (accessLog) log.info({ requestId, client: peerAddress, reason }, 'malformed request');
    },
  };
}
