import type { RequestHead } from '../core/request-head.ts';

/** A request as a person describes it: in `explain`, in a policy test, in a line of a batch. */
export interface DescribedRequest {
  /** `METHOD URL`, the URL absolute. */
  request: string;
  headers: Readonly<Record<string, string>>;
  /** Address of the client. */
  from: string;
}

/** The parts of `METHOD URL`. */
export interface DescriptionParts {
  method: string;
  scheme: 'http' | 'https';
  host: string;
  /** Path and query. */
  target: string;
}

/**
 * Cuts `METHOD http(s)://host/path`; undefined when it is none. The URL is cut, not parsed: `URL` would repair the very
 * spellings that one may want to ask about.
 */
export function parseDescription(request: string): DescriptionParts | undefined {
  const parts = /^([A-Z]+) (https?):\/\/([^/?#\s]+)(\S*)$/.exec(request);
  if (parts === null) return undefined;
  const [, method = '', scheme, host = '', target = ''] = parts;
  return {
    method,
    scheme: scheme === 'https' ? 'https' : 'http',
    host,
    target: target.startsWith('/') ? target : `/${target}`,
  };
}

/** The head of a described request, as if its client were connected directly; undefined when it is no `METHOD URL`. */
export function headOfDescription(
  { request, headers, from }: DescribedRequest,
  { listener, requestId }: { listener: string; requestId: string },
): RequestHead | undefined {
  const parts = parseDescription(request);
  if (parts === undefined) return undefined;
  const fields = ['host', parts.host];
  // As on the wire: blanks around a value are no part of it, and names with `_` do not get in.
  for (const [name, value] of Object.entries(headers)) {
    if (!name.includes('_')) fields.push(name.toLowerCase(), value.trim());
  }
  return {
    method: parts.method,
    target: parts.target,
    fields,
    peerAddress: from,
    scheme: parts.scheme,
    listener,
    requestId,
    forwardedByPeer: false,
  };
}
