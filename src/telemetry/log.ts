import { destination, type Logger, pino } from 'pino';
import { systemClock } from '../core/clock.ts';
import { systemScheduler } from '../core/scheduler.ts';
import { type AccessLog, createAccessLog } from './access-log.ts';
import { type AuditLog, createAuditLog } from './audit.ts';
import { LineBatch } from './line-batch.ts';

export type { Logger } from 'pino';

export interface LogSink {
  write(text: string): void;
}

/** The three logs: what happens to the gateway, to requests, and by operators. All go to the same place. */
export interface Logs {
  events: Logger;
  access: AccessLog;
  audit: AuditLog;
}

/** Which of several processes writes to the same output, as its lines about events name it. */
export type LogWriter = { worker: number } | { process: 'primary' };

/** POSIX `PIPE_BUF` on Linux: what several processes write into one pipe stays whole up to this size. */
const sharedWriteBytes = 4096;

/** Lines are dropped while a reader of standard output is this far behind. */
const maxUnwrittenBytes = 16 * 1024 * 1024;

const format = {
  timestamp: () => `,"time":"${new Date().toISOString()}"`,
  formatters: { level: (label: string) => ({ level: label }) },
};

/** Should a line about an event bring these along, they do not come through. Access lines are built field by field instead. */
const redact = {
  paths: ['authorization', 'cookie', 'password', 'token', 'headers'].flatMap((name) => [name, `*.${name}`]),
  remove: true,
};

/** What is told of an error. Its other properties are left out: libraries keep whole requests and commands there. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? String(error.code) : undefined;
  return { name, code, message, stack, cause: cause === undefined ? undefined : describeError(cause) };
}

/**
 * One JSON object per line on standard output, written in batches so that a request never waits for a disk. `sink` replaces
 * standard output in tests; `writer` is set where several processes share it.
 */
export function createLogs(
  level: string,
  { sink, writer }: { sink?: LogSink | undefined; writer?: LogWriter | undefined } = {},
): Logs {
  const stream = sink ?? openStandardOutput(writer === undefined ? undefined : sharedWriteBytes);
  // Process and host are the platform's to add.
  const base = writer ?? {};
  return {
    events: pino({ ...format, base, level, redact, serializers: { err: describeError } }, stream),
    access: createAccessLog(stream, systemClock),
    audit: createAuditLog(stream, { clock: systemClock, base }),
  };
}

function openStandardOutput(maxWriteBytes: number | undefined): LineBatch {
  // The batches come large enough; with a least length of 0 a flush would not wait for what is being written.
  const output = destination({
    sync: false,
    minLength: 1,
    maxWrite: maxWriteBytes ?? 64 * 1024,
    maxLength: maxUnwrittenBytes,
  });
  const lines = new LineBatch(output, systemScheduler, maxWriteBytes);
  // The output saves its own rest when the process ends, but not what it does not have yet.
  process.once('exit', () => {
    if (lines.handOn()) output.flushSync();
  });
  return lines;
}

/** Writes what is still in the buffer; to be called before the process ends. */
export async function flushLogs({ events }: Logs): Promise<void> {
  await new Promise<void>((resolve) => events.flush(() => resolve()));
}
