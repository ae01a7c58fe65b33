import type { Fields } from './fields.ts';
import type { Reason } from './reason.ts';

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
  /** Gives the body to a decision that needs it; undefined where the surface has none to give. */
  body?: RequestBody | undefined;
}

/** The body of a request whose head is being judged. */
export interface RequestBody {
  /** Bytes, as announced; undefined where only its end tells (chunks). */
  readonly length?: number | undefined;
  /**
   * The whole body when it is at most `maxBytes`, empty when there is none; else why it cannot be had. One that is too large to
   * be read may still be forwarded, so it is kept up to `keepBytes`.
   */
  read(bounds: { maxBytes: number; keepBytes: number }): BodyReading | Promise<BodyReading>;
}

export type BodyReading = Buffer | 'too_large' | BodyFault;

/** Why a body never came. */
export type BodyFault = Extract<
  Reason,
  'body_too_large' | 'body_timeout' | 'framing_invalid' | 'spool_full' | 'client_gone'
>;
