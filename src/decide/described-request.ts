import type { RequestBody, RequestHead } from '../core/request-head.ts';

/** A request as a person describes it: in `explain`, in a policy test, in a line of a batch. */
export interface DescribedRequest {
  /** `METHOD URL`, the URL absolute. */
  request: string;
  headers: Readonly<Record<string, string>>;
  /** Address of the client. */
  from: string;
  /** A text is sent as it stands, anything else as JSON. */
  body?: unknown;
  /** When it comes, in milliseconds since 1970; undefined where that does not matter. */
  at?: number | undefined;
}

/** The instant that a text such as `2026-12-24T17:00+01:00` names, in milliseconds since 1970; undefined for any other text. */
export function parseInstant(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    return undefined;
  }
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
  { request, headers, from, body }: DescribedRequest,
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
    body: describedBody(body, headers),
  };
}

function describedBody(body: unknown, headers: DescribedRequest['headers']): RequestBody {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const bytes = Buffer.from(text);
  return {
    length: body === undefined ? announcedLength(headers) : bytes.length,
    read: ({ maxBytes, keepBytes }) =>
      bytes.length <= maxBytes ? bytes : bytes.length <= keepBytes ? 'too_large' : 'body_too_large',
  };
}

/** Of a body that is not described: one can ask about a large upload without writing it. */
function announcedLength(headers: DescribedRequest['headers']): number {
  const authored = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-length')?.[1];
  return /^\d{1,15}$/.test(authored?.trim() ?? '') ? Number(authored) : 0;
}
