import type { Fields } from './fields.ts';

/**
 * A request line and its fields as a surface received them, before anything is believed. The inline proxy fills it from
 * the wire, ForwardAuth from what Traefik reports, `explain` and policy tests from text.
 */
export interface RequestHead {
  method: string;
  /** The request-target as it came, RFC 9112 §3.2. */
  target: string;
  fields: Fields;
  /** Address of the socket peer, without port. */
  peerAddress: string;
  /** Whether the request came over TLS to us; a trusted proxy's `X-Forwarded-Proto` may correct it. */
  scheme: 'http' | 'https';
  /** Name of the listener, for the `Listener` matcher. */
  listener: string;
  /** Unique per request, never taken from an untrusted client. */
  requestId: string;
  /**
   * True when somebody else forwards the request (ForwardAuth): the path cannot be rewritten then, so one that is not
   * already canonical is refused instead of canonicalised.
   */
  forwardedByPeer: boolean;
}
