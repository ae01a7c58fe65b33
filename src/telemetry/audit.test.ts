import { expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { createAuditLog } from './audit.ts';
import { createLogs } from './log.ts';

const entry = {
  action: 'limit_reset',
  outcome: 'done',
  by: 'admin.token',
  from: '127.0.0.1',
  requestId: 'r-1',
  about: { limit: 'partner/partner-rate', key: 'acme', before: { free: 0 }, after: { free: 100 } },
} as const;

it('the audit log is one line for each act', () => {
  const lines: string[] = [];
  const log = createAuditLog(
    { write: (text) => lines.push(text) },
    { clock: manualClock(), base: { worker: 2 } },
  );
  log.record(entry);
  log.record({ ...entry, outcome: 'refused', by: undefined, about: { cause: 'the token is wrong\n{}' } });
  expect(lines).toEqual([
    '{"level":"info","time":"2026-01-01T00:00:00.000Z","worker":2,"audit":"limit_reset","outcome":"done","requestId":"r-1",' +
      '"by":"admin.token","from":"127.0.0.1","limit":"partner/partner-rate","key":"acme","before":{"free":0},' +
      '"after":{"free":100},"msg":"audit: limit_reset"}\n',
    '{"level":"warn","time":"2026-01-01T00:00:00.000Z","worker":2,"audit":"limit_reset","outcome":"refused","requestId":"r-1",' +
      '"from":"127.0.0.1","cause":"the token is wrong\\n{}","msg":"audit: limit_reset"}\n',
  ]);
});

it('the audit log is written at every level of the event log', () => {
  const lines: string[] = [];
  const { audit, events } = createLogs('error', { sink: { write: (text) => void lines.push(text) } });
  events.info('not told');
  audit.record(entry);
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['audit: limit_reset']);
});
