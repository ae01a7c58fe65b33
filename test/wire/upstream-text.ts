import { host as usualHost } from './wire-case.ts';

/** A request as it must reach Odoo: what is not told is as in the plainest case. */
export interface UpstreamRequest {
  /** Method and target. */
  line?: string;
  host?: string;
  /** The client's own fields that pass, as `name: value`, in the order in which it sent them. */
  passed?: readonly string[];
  /** Trace id and flags of a traceparent that is continued: `<32 digits> <2 digits>`. */
  trace?: string;
  authorization?: string;
  body?: string;
  /** The body was framed and empty: that is said, whatever the method. */
  emptyBody?: boolean;
  zone?: string;
  /** The handshake of a WebSocket; `body` is what passed behind it. */
  webSocket?: boolean;
}

/** Request line, fields and body, byte for byte, as the gateway must write them for a client at `address`. */
export function upstreamText(request: UpstreamRequest, address: string): string {
  const { line = 'GET /odoo', host = usualHost, passed = [], body = '', webSocket = false } = request;
  return [
    `${line} HTTP/1.1`,
    `host: ${host}`,
    ...passed,
    `x-forwarded-for: ${address}`,
    `x-forwarded-host: ${host}`,
    'x-forwarded-proto: http',
    request.trace === undefined ? 'traceparent: *' : `traceparent: ${request.trace}`,
    ...(request.authorization === undefined ? [] : [`authorization: ${request.authorization}`]),
    `x-bulkhead-zone: ${request.zone ?? 'staff'}`,
    `x-bulkhead-workload: ${webSocket ? 'websocket' : 'interactive'}`,
    'x-request-id: *',
    'x-bulkhead-tenant: acme',
    ...(webSocket
      ? ['upgrade: websocket', 'connection: Upgrade']
      : [...lengthField(request, line), 'connection: close']),
    '',
    body,
  ].join('\r\n');
}

/** RFC 9110 §8.6: a method that is about its content says so even if there is none; the others say nothing then. */
function lengthField({ body = '', emptyBody = false }: UpstreamRequest, line: string): string[] {
  if (body === '' && !emptyBody && !/^(POST|PUT|PATCH) /.test(line)) return [];
  return [`content-length: ${body.length}`];
}

const requestIdLine = /(?<=\r\nx-request-id: )([0-9a-f]{32})(?=\r\n)/;
const traceLine = /(?<=\r\ntraceparent: )00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?=\r\n)/;

/**
 * Replaces what is different in each request, and only where it has its right form: the request id, and a traceparent that
 * was made of it. One that goes on with the trace of the client keeps the trace and the flags.
 */
export function withoutRandomness(text: string): string {
  const id = requestIdLine.exec(text)?.[1]?.replaceAll('-', '');
  if (id === undefined) return text;
  return text
    .replace(requestIdLine, '*')
    .replace(traceLine, (whole, trace: string, span: string, flags: string) => {
      if (span !== id.slice(16)) return whole;
      return trace === id && flags === '00' ? '*' : `${trace} ${flags}`;
    });
}
