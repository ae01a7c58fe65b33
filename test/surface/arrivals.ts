import type { ReceivedRequest } from '../../src/demo/odoo-log.ts';

/** What a stand-in received, as a test compares it: names in lower case and sorted, ids that change replaced. */
export interface Arrival {
  line: string;
  fields: string[];
  body: string;
}

/**
 * Watches stand-ins. Each call gives the requests that have come since the last one, health probes and requests whose
 * target holds `ignoring` left out.
 */
export function watchArrivals(
  stands: readonly { readonly requests: readonly ReceivedRequest[] }[],
  ignoring: string,
): () => Arrival[] {
  const seen = new WeakSet<ReceivedRequest>();
  return () => {
    const fresh: Arrival[] = [];
    for (const { requests } of stands) {
      for (const received of requests) {
        if (seen.has(received)) continue;
        seen.add(received);
        const { request } = received;
        if (request.headers.get('user-agent') === 'bulkhead-health' || request.target.includes(ignoring))
          continue;
        fresh.push(toArrival(received));
      }
    }
    return fresh;
  };
}

function toArrival({ head, request }: ReceivedRequest): Arrival {
  const [line = '', ...lines] = head.trimEnd().split('\r\n');
  const fields = lines.map((text) => {
    const colon = text.indexOf(':');
    const name = text.slice(0, colon).toLowerCase();
    const value = text.slice(colon + 1).trim();
    return `${name}: ${changing[name]?.test(value) === true ? '*' : value}`;
  });
  return { line, fields: fields.toSorted(), body: request.body.toString('latin1') };
}

const changing: Record<string, RegExp> = {
  'x-request-id': /^[0-9a-f]{32}$/,
  traceparent: /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/,
};
