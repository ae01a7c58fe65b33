import type { Reason } from '../core/reason.ts';
import type { BodySource } from '../http1/body-source.ts';
import type { UpstreamFailure } from '../http1/upstream.ts';

/** RFC 9110 §9.2.2: what may happen twice. */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Whether a request may be sent again although a worker may have seen it, and its body is still there to be sent. */
export function isRepeatable(method: string, body: Buffer | BodySource | undefined): boolean {
  return idempotentMethods.has(method) && (body === undefined || Buffer.isBuffer(body));
}

/** What a refusal says of a failure that is not the client's. */
export const failureReasons = {
  unreachable: 'upstream_unreachable',
  invalid: 'upstream_invalid',
  stale: 'upstream_invalid',
  timeout: 'upstream_timeout',
} as const satisfies Record<Exclude<UpstreamFailure, 'aborted'>, Reason>;
