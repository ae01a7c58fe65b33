import { destination, type Logger, pino } from 'pino';
import { secretPathPrefixes } from './secret-paths.ts';
import type { Finished } from './observer.ts';

export type { Logger } from 'pino';

export interface LogSink {
  write(text: string): void;
}

/** The two logs: what happens to the gateway, and what happens to requests. Both go to the same place. */
export interface Logs {
  events: Logger;
  access: Logger;
}

const format = {
  // Process and host are the platform's to add.
  base: {},
  timestamp: () => `,"time":"${new Date().toISOString()}"`,
  formatters: { level: (label: string) => ({ level: label }) },
};

/** Should an error object bring these along, they do not come through. Access lines are built field by field instead. */
const redact = {
  paths: ['authorization', 'cookie', 'password', 'token', 'headers', 'url'].flatMap((name) => [
    name,
    `*.${name}`,
  ]),
  remove: true,
};

/**
 * One JSON object per line on standard output, written in batches so that a request never waits for a disk. `sink` replaces
 * standard output in tests.
 */
export function createLogs(level: string, sink?: LogSink): Logs {
  const stream = sink ?? destination({ sync: false, minLength: 4096, periodicFlush: 200 });
  return {
    events: pino({ ...format, level, redact }, stream),
    access: pino({ ...format, level: 'info' }, stream),
  };
}

/** Writes what is still in the buffer; to be called before the process ends. */
export async function flushLogs({ events }: Logs): Promise<void> {
  await new Promise<void>((resolve) => events.flush(() => resolve()));
}

/**
 * The access log line of one request. Holds the decision and where it is written, never a header, a query, a body or a
 * token: paths that are secrets themselves are cut.
 */
export function logRequest(log: Logger, request: Finished): void {
  const { decision } = request;
  const refusal = decision?.decision === 'refuse' ? decision.refusal : undefined;
  log.info(
    {
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
      odoo: decision?.odoo === undefined ? undefined : `${decision.odoo.model}/${decision.odoo.method}`,
      workload: decision?.workload,
      pool: decision?.pool,
      upstream: request.upstream,
      status: request.status,
      reason: request.failure,
      at: refusal?.at === '' ? undefined : refusal?.at,
      durationMs: Math.round(request.durationMs * 100) / 100,
      queueMs: request.queueMs === 0 ? undefined : Math.round(request.queueMs * 100) / 100,
    },
    'request',
  );
}

/** Cuts the part of a path that is a secret. */
export function publicPath(path: string): string {
  for (const prefix of secretPathPrefixes) {
    if (path.startsWith(prefix)) return `${prefix}[redacted]`;
  }
  return path;
}
