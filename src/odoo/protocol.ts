import { type Fields, fieldValue } from '../core/fields.ts';

/** In which form a caller understands a refusal. */
export type AnswerStyle = 'problem' | 'json-rpc' | 'xml-rpc' | 'page';

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
 * show "connection lost" and poll (addons/web/static/src/core/network/rpc.js). XML-RPC callers read a fault, and a person in
 * front of a browser reads a page. Everybody else gets problem+json.
 */
export function answerStyleOf(path: string, fields: Fields): AnswerStyle {
  if (isXmlRpc.test(path)) return 'xml-rpc';
  const type = fieldValue(fields, 'content-type');
  if (type !== undefined && /^application\/json(-rpc)?\s*(;|$)/i.test(type)) {
    // Odoo takes a website language off the front (`route.ts`).
    const behindFirst = path.indexOf('/', 1);
    const isRpc = jsonRpcPaths.some((known) => path.startsWith(known) || path.startsWith(known, behindFirst));
    return isRpc ? 'json-rpc' : 'problem';
  }
  return wantsPage(fields) ? 'page' : 'problem';
}

const isXmlRpc = /^(?:\/[^/]+)?\/xmlrpc(\/2)?\/(common|db|object|report)\/?$/;

/** A document that a browser is to show. Its scripts and images say otherwise, and what is no browser asks for no HTML. */
function wantsPage(fields: Fields): boolean {
  const destination = fieldValue(fields, 'sec-fetch-dest');
  if (destination !== undefined) return destination === 'document' || destination === 'iframe';
  return /^text\/html\b/i.test(fieldValue(fields, 'accept') ?? '');
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
