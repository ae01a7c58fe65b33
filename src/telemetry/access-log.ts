// hot path: one line per request, made by JSON.stringify alone: half of what a logger's own serialiser costs.
import type { Clock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { EndedTunnel, Finished, Malformed } from './observer.ts';
import { publicPath } from './secret-paths.ts';

/** One line for each request, in the form of the event log: `level`, `time`, what happened, `msg`. */
export interface AccessLog {
  /**
   * Holds the decision and where it is written, never a header, a query, a body or a token: paths that are secrets
   * themselves are cut.
   */
  finished(request: Finished): void;
  tunnelEnded(tunnel: EndedTunnel): void;
  malformed(request: Malformed): void;
}

export function createAccessLog(output: { write(text: string): unknown }, clock: Clock): AccessLog {
  const timestamp = createTimestamps(clock);
  return {
    finished(request) {
      const { decision } = request;
      const refusal = decision?.decision === 'refuse' ? decision.refusal : undefined;
      const line = JSON.stringify({
        level: 'info',
        time: timestamp(),
        requestId: request.requestId,
        surface: request.surface,
        zone: decision?.zone,
        tenant: decision?.tenant?.id,
        principal: decision?.principal?.subject,
        issuer: decision?.principal?.issuer,
        client: request.clientAddress,
        method: request.method,
        host: request.host,
        path: publicPath(request.path),
        odoo:
          decision?.odoo === undefined
            ? undefined
            : `${decision.odoo.model || decision.odoo.service}/${decision.odoo.method}`,
        transaction: request.transaction?.name,
        outcome: request.transaction?.outcome,
        workload: decision?.workload,
        // Else it is what the workload says.
        class: decision?.workClass === 'critical' ? 'critical' : undefined,
        pool: decision?.pool,
        upstream: request.upstream,
        status: request.status,
        reason: request.failure,
        limitMode: decision === undefined ? undefined : modeOf(decision.limits),
        at: refusal?.at === '' ? undefined : refusal?.at,
        durationMs: roundMs(request.durationMs),
        queueMs: request.queueMs === 0 ? undefined : roundMs(request.queueMs),
        msg: 'request',
      });
      output.write(`${line}\n`);
    },
    tunnelEnded({ decision, reason, requestId, clientAddress, durationMs, upstream }) {
      const time = timestamp();
      const line = JSON.stringify({
        level: 'info',
        time,
        requestId,
        surface: 'websocket',
        zone: decision?.zone,
        tenant: decision?.tenant?.id,
        principal: decision?.principal?.subject,
        client: clientAddress,
        pool: decision?.pool,
        upstream,
        reason,
        durationMs: roundMs(durationMs),
        msg: 'tunnel ended',
      });
      output.write(`${line}\n`);
    },
    malformed({ reason, peerAddress, requestId }) {
      const time = timestamp();
      const line = JSON.stringify({
        level: 'info',
        time,
        requestId,
        client: peerAddress,
        reason,
        msg: 'malformed request',
      });
      output.write(`${line}\n`);
    },
  };
}

/** What held in the place of the store, while that failed: of several the loosest. */
function modeOf(limits: readonly LimitOutcome[]): LimitOutcome['mode'] {
  let mode: LimitOutcome['mode'];
  for (const outcome of limits) {
    if (outcome.mode !== undefined && mode !== 'open') mode = outcome.mode;
  }
  return mode;
}

function roundMs(ms: number): number {
  return Math.round(ms * 100) / 100;
}

/** ISO 8601 in UTC. Everything but the milliseconds is made once a second: `toISOString` is half of the cost of a line. */
function createTimestamps(clock: Clock): () => string {
  let second = NaN;
  let prefix = '';
  return () => {
    const nowMs = clock.wallMs();
    const nowSecond = Math.floor(nowMs / 1000);
    if (nowSecond !== second) {
      second = nowSecond;
      prefix = new Date(nowMs).toISOString().slice(0, -4);
    }
    return `${prefix}${String(nowMs - nowSecond * 1000).padStart(3, '0')}Z`;
  };
}
