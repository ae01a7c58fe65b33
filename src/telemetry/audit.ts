import type { Clock } from '../core/clock.ts';

/** One act of an operator, or an attempt at one. Whole values only: no token, header or body ever comes near it. */
export interface AuditEntry {
  action: string;
  /** `done`; `refused`: nothing was changed; `unknown`: it may have been carried out. */
  outcome: 'done' | 'refused' | 'unknown';
  /** What authorised it, e.g. `admin.token`; undefined where nothing did. */
  by: string | undefined;
  /** Address that it came from. */
  from: string;
  requestId: string;
  /** What it was done to, and how that was before and after. */
  about: Readonly<Record<string, unknown>>;
}

/** Where acts of operators are told, whatever the level of the event log. */
export interface AuditLog {
  record(entry: AuditEntry): void;
}

/** Writes one line for each act, in the form of the other logs; `audit` is what to filter by. */
export function createAuditLog(
  output: { write(text: string): unknown },
  { clock, base }: { clock: Clock; base: object },
): AuditLog {
  return {
    record({ action, outcome, by, from, requestId, about }) {
      const time = new Date(clock.wallMs()).toISOString();
      const line = JSON.stringify({
        level: outcome === 'done' ? 'info' : 'warn',
        time,
        ...base,
        audit: action,
        outcome,
        requestId,
        by,
        from,
        ...about,
        msg: `audit: ${action}`,
      });
      output.write(`${line}\n`);
    },
  };
}
