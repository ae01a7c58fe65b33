import type { OdooCall } from '../../src/core/facts.ts';

/** A call of a model by the web client, its size known and without one, with what a test cares about laid over it. */
export function callOf(model: string, method: string, changes: Partial<OdooCall> = {}): OdooCall {
  return {
    protocol: 'web',
    service: 'object',
    model,
    method,
    database: undefined,
    login: undefined,
    sized: true,
    records: undefined,
    limit: undefined,
    ...changes,
  };
}
