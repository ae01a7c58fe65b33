import { createHash, hash } from 'node:crypto';
import { limitKeyOfIp } from '../core/ip.ts';
import type { LimitKeyKind } from './compile.ts';

// hot path: a key is made for every limit of every request; plain names pass through untouched.

/** What a request is known by when its limits are charged. */
export interface LimitSubject {
  readonly zone: string;
  /** Id of the tenant. */
  readonly tenant: string | undefined;
  /** The caller's name within its issuer. */
  readonly principal: string | undefined;
  /** Name of the issuer; tells callers apart where there is no tenant. */
  readonly issuer?: string | undefined;
  /** Canonical: IPv4-mapped addresses are written as IPv4. */
  readonly clientAddress: string;
  /** What stays of the id of the Odoo session while it lives; undefined without one. */
  readonly session?: string | undefined;
}

/**
 * Whose budget a request spends from; undefined when nothing in the request says so (a tenant limit without a tenant).
 * A caller has one budget in each tenant, and without a tenant one for each issuer. Different callers never get equal
 * keys, whatever their names hold: `a/b` of tenant `c` is `c/a%2Fb`.
 */
export function limitKeyOf(kind: LimitKeyKind, subject: LimitSubject): string | undefined {
  const { zone, tenant, principal, issuer } = subject;
  if (kind === 'zone') return zone;
  if (kind === 'client') return clientKeyOf(subject.clientAddress);
  // Leaving the cookie away must be no way out.
  if (kind === 'session')
    return subject.session === undefined ? clientKeyOf(subject.clientAddress) : sessionKeyOf(subject.session);
  if (kind === 'tenant') return tenant === undefined ? undefined : encodeKeyPart(tenant);
  if (principal === undefined) return undefined;
  const owner = tenant === undefined ? `/${encodeKeyPart(issuer ?? '')}` : encodeKeyPart(tenant);
  return `${owner}/${encodeKeyPart(principal)}`;
}

/** The key of a client address: IPv4 as it is, IPv6 as its /64. */
export function clientKeyOf(address: string): string {
  return limitKeyOfIp(address);
}

/** The key of an Odoo session, the same in every instance. What it is made from is half of a secret, so it is only a digest. */
export function sessionKeyOf(session: string): string {
  return `session-${hash('sha256', session, 'hex').slice(0, 32)}`;
}

const plain = /^[A-Za-z0-9._@+=, -]{0,128}$/;
const notPlain = /[^A-Za-z0-9._@+=, -]/gu;
const longest = 128;

/** One part of a key with nothing in it that separates parts or breaks a log line, and of bounded length. */
export function encodeKeyPart(part: string): string {
  if (plain.test(part)) return part;
  // A lone surrogate has no UTF-8 form; all of them count as one.
  const encoded = part.toWellFormed().replace(notPlain, percentEncode);
  if (encoded.length <= longest) return encoded;
  // A caller can have a name of any length (`sub` of a token), a store must not hold it. `~` occurs in no encoded part.
  const digest = createHash('sha256').update(encoded).digest('hex').slice(0, 32);
  return `${encoded.slice(0, 64)}~${digest}`;
}

function percentEncode(character: string): string {
  let encoded = '';
  for (const byte of Buffer.from(character))
    encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}
