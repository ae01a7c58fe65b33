import { combinedFieldValue, type Fields, fieldCount, fieldValue } from '../core/fields.ts';
import type { RequestBody, RequestHead } from '../core/request-head.ts';
import type { Exchange } from '../http1/exchange.ts';
import { readBody } from '../http1/read-body.ts';

/**
 * The request that Traefik asks about, from the `X-Forwarded-*` fields of its question. Undefined when one of them is
 * missing or repeated: then it is not known what is being asked. Call it only for a trusted peer.
 */
export function readForwardedHead(
  exchange: Exchange,
  { listener, requestId }: { listener: string; requestId: string },
): RequestHead | undefined {
  const { fields } = exchange;
  const method = onlyValue(fields, 'x-forwarded-method');
  const target = onlyValue(fields, 'x-forwarded-uri');
  const host = onlyValue(fields, 'x-forwarded-host');
  const scheme = onlyValue(fields, 'x-forwarded-proto');
  if (method === undefined || target === undefined || host === undefined || scheme === undefined)
    return undefined;
  if (combinedFieldValue(fields, 'x-forwarded-for') === undefined) return undefined;
  return {
    method,
    target,
    fields: withHost(fields, host),
    peerAddress: exchange.peerAddress,
    scheme: scheme === 'https' || scheme === 'wss' ? 'https' : 'http',
    listener,
    requestId,
    forwardedByPeer: true,
    body: exchange.hasBody ? new ForwardedBody(exchange) : undefined,
  };
}

/**
 * The body of the request, where Traefik sends it along (`forwardBody`). A question without one may be about a request with one:
 * then it is not known, rather than empty.
 */
class ForwardedBody implements RequestBody {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get length(): number | undefined {
    return this.#exchange.bodyLength;
  }

  read({ maxBytes }: { maxBytes: number }): ReturnType<RequestBody['read']> {
    // Traefik forwards it: what is too large to be read is not kept.
    return readBody(this.#exchange, { maxBytes, keepBytes: maxBytes }, () => undefined);
  }
}

function onlyValue(fields: Fields, name: string): string | undefined {
  return fieldCount(fields, name) === 1 ? fieldValue(fields, name) : undefined;
}

/** The question's own Host names this gateway; the request's Host is what the policy is about. */
function withHost(fields: Fields, host: string): string[] {
  const out = ['host', host];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (name !== 'host' && name !== 'connection') out.push(name, fields[i + 1] ?? '');
  }
  return out;
}
