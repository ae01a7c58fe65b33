import { type Fields, fieldValue } from '../core/fields.ts';

/** In which form a caller understands a refusal. */
export type AnswerStyle = 'problem' | 'json-rpc';

const jsonRpcPaths = [
  '/jsonrpc',
  '/web/dataset/',
  '/web/action/',
  '/web/domain/',
  '/web/session/',
  '/web/view/',
  '/web/webclient/',
  '/mail/',
  '/discuss/',
  '/calendar/',
  '/html_editor/',
  '/pos/',
  '/product/catalog/',
  '/stock_barcode/',
];

/**
 * Odoo's own client and JSON-RPC callers read a JSON-RPC error object; anything else on these routes makes the web client
 * show "connection lost" and poll (addons/web/static/src/core/network/rpc.js). Everybody else gets problem+json.
 */
export function answerStyleOf(path: string, fields: Fields): AnswerStyle {
  const type = fieldValue(fields, 'content-type');
  if (type === undefined || !/^application\/json(-rpc)?\s*(;|$)/i.test(type)) return 'problem';
  return jsonRpcPaths.some((known) => path.startsWith(known)) ? 'json-rpc' : 'problem';
}

/** The `id` of a JSON-RPC request, which its answer must repeat; `null` when the body does not tell one. */
export function readJsonRpcId(body: string): string | number | null {
  try {
    const message: unknown = JSON.parse(body);
    if (typeof message !== 'object' || message === null || !('id' in message)) return null;
    return typeof message.id === 'string' || typeof message.id === 'number' ? message.id : null;
  } catch {
    return null;
  }
}
