import { Client } from 'undici';
import type { HealthOptions } from './options.ts';
import type { Scheduler } from '../core/scheduler.ts';

/** What one probe found out. `cause` is for logs: an error code or `HTTP 503`. */
export type ProbeOutcome = { kind: 'answered' } | { kind: 'failed'; cause: string } | { kind: 'timeout' };

export interface ProbeRequest {
  /** Origin of the endpoint. */
  url: string;
  health: HealthOptions;
  scheduler: Scheduler;
  /** Gives the probe up; its outcome does not matter then. */
  signal: AbortSignal;
}

export type Probe = (request: ProbeRequest) => Promise<ProbeOutcome>;

/** More than a health page ever has; the rest is not worth reading. */
const maxAnswerBytes = 64 * 1024;

/**
 * Asks one endpoint for its health page on a connection of its own, and never rejects. Only a 2xx answer is a good one. A
 * time-out is kept apart from a failure: while all workers are busy, Odoo's port accepts the probe and answers too late.
 */
export async function probeEndpoint({ url, health, scheduler, signal }: ProbeRequest): Promise<ProbeOutcome> {
  const client = new Client(url, {
    connect: { timeout: health.timeoutMs },
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 0,
  });
  let late = false;
  const abort = new AbortController();
  const giveUp = (): void => abort.abort();
  const cancelTimer = scheduler.after(health.timeoutMs, () => {
    late = true;
    giveUp();
  });
  signal.addEventListener('abort', giveUp);
  try {
    const { statusCode, body } = await client.request({
      method: 'GET',
      path: health.path,
      headers: {
        'user-agent': 'bulkhead-health',
        accept: '*/*',
        ...(health.host === undefined ? {} : { host: health.host }),
      },
      reset: true,
      signal: abort.signal,
    });
    if (statusCode < 200 || statusCode > 299) return { kind: 'failed', cause: `HTTP ${statusCode}` };
    await body.dump({ limit: maxAnswerBytes, signal: abort.signal });
    return { kind: 'answered' };
  } catch (error) {
    const cause = codeOf(error);
    if (late || cause === 'UND_ERR_CONNECT_TIMEOUT') return { kind: 'timeout' };
    return { kind: 'failed', cause };
  } finally {
    cancelTimer();
    signal.removeEventListener('abort', giveUp);
    // Cannot reject: it only tells when the socket is gone.
    void client.destroy();
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** Whether somebody listens there: it answered, or took the connection and broke it. */
export function provesLife(cause: string): boolean {
  return !/^(ECONNREFUSED|EHOST|ENET|ENOTFOUND|EAI_)/.test(cause);
}
