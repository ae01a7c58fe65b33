import type { OdooCall } from '../core/facts.ts';

/**
 * What became of a call. Odoo says 200 to JSON-RPC and XML-RPC whatever happens (odoo/http.py), so the content has to tell.
 *
 * - `done`: the method ran to its end.
 * - `asked`: it gave a dialog instead of a result, as `button_validate` does when it wants to know about a backorder.
 * - `failed`: an error, or no answer at all.
 */
export type CallOutcome = 'done' | 'asked' | 'failed';

/** So many bytes of an answer tell what became of a call. */
export const outcomeBytes = 1024;

/** Reads the outcome off the status and the first bytes of an answer. */
export function readCallOutcome(protocol: OdooCall['protocol'], status: number, start: Buffer): CallOutcome {
  if (status < 200 || status > 299) return 'failed';
  const text = start.toString('latin1', 0, outcomeBytes);
  if (protocol === 'xml-rpc') {
    if (!/<methodResponse>\s*<params>/.test(text)) return 'failed';
    return /<name>type<\/name>\s*<value>(<string>)?ir\.actions\.act_window/.test(text) ? 'asked' : 'done';
  }
  const result = protocol === 'json-2' ? text : resultOf(text);
  if (result === undefined) return 'failed';
  return /^\s*\{/.test(result) && dialog.test(result) ? 'asked' : 'done';
}

const dialog = /"type"\s*:\s*"ir\.actions\.act_window"/;

/** What stands behind `"result":` when no `"error"` is before it; Odoo writes `jsonrpc` and `id` first, and one of the two. */
function resultOf(text: string): string | undefined {
  const found = /"(error|result)"\s*:/.exec(text);
  return found?.[1] === 'result' ? text.slice(found.index + found[0].length) : undefined;
}
