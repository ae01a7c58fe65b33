import { createHash } from 'node:crypto';
import type { CompiledLimit } from '../compile.ts';

/** Tokens of one epoch that an instance has spent, or gives up unspent. */
export interface LeaseReport {
  epoch: number;
  used: number;
  returned: number;
}

/** What an instance last learnt of a bucket. */
export interface SeenBucket {
  /** Tells one life of the stored state from the next, which begins when it was lost; 0 when nothing was seen. */
  born: number;
  debt: number;
  /** The server's time. */
  atUs: number;
  /** In which `debt` is told. */
  units: number;
}

/** One call for one bucket: what is asked, what is reported, and what to repair from. Whole numbers throughout. */
export interface LeaseRequest {
  leakPerUs: number;
  unitsPerToken: number;
  burst: number;
  /** The highest one that a bucket has met decides its rate and burst, so that instances agree during a rollout. */
  version: number;
  /** The fewest tokens that help; 0 asks for none. */
  need: number;
  /** Tokens that would be spent at once. */
  ask: number;
  /** The most tokens to take; at least `need` and `ask`. */
  want: number;
  /** Beyond `ask`, a grant is at most this part of what is there. */
  share: number;
  /** Tokens that have to stay. */
  spare: number;
  /** False only looks: nothing is stored. */
  write: boolean;
  first: LeaseReport;
  second: LeaseReport;
  /** Microseconds, never too many, since the last of the reported tokens was spent. */
  ageUs: number;
  /** Tokens that were spent without a lease and become debt. */
  owe: number;
  /** Unspent tokens that the caller goes on using. */
  held: number;
  seen: SeenBucket;
  /** The connection broke since the last answer: whoever answers now may have forgotten it. */
  suspect: boolean;
}

/** The bucket's answer. Debt is told in `unitsPerToken` of the answer, which may be of a newer configuration. */
export interface LeaseGrant {
  granted: number;
  /** Of the granted tokens, and of the held ones when `repaired`. */
  epoch: number;
  /** Microseconds, from the moment of the call, after which these tokens are void. */
  lifeUs: number;
  /** Microseconds until `need` tokens are there; 0 when they were granted. */
  retryUs: number;
  /** After the grant. */
  debt: number;
  atUs: number;
  born: number;
  /** Tokens in all wallets, the granted ones included. */
  outstanding: number;
  /** The state was not the one that was seen: reports were dropped, `held` tokens now belong to `epoch`. */
  repaired: boolean;
  leakPerUs: number;
  unitsPerToken: number;
  burst: number;
}

/** Where leased buckets are kept. Rejects when there is no answer; the call may then have been carried out or not. */
export interface LeaseBackend {
  /** Changes when a connection was lost: what was answered under another one may be forgotten. */
  readonly generation: number;
  call(key: string, request: LeaseRequest): Promise<LeaseGrant>;
  close(): Promise<void>;
}

/** The arguments in the order in which `lease-script.ts` unpacks them. */
export function renderLeaseArguments(request: LeaseRequest): number[] {
  const { first, second, seen } = request;
  return [
    request.leakPerUs,
    request.unitsPerToken,
    request.burst,
    request.version,
    request.need,
    request.ask,
    request.want,
    request.share,
    request.spare,
    request.write ? 1 : 0,
    first.epoch,
    first.used,
    first.returned,
    second.epoch,
    second.used,
    second.returned,
    request.ageUs,
    request.owe,
    request.held,
    seen.born,
    seen.debt,
    seen.atUs,
    seen.units,
    request.suspect ? 1 : 0,
  ];
}

const replyLength = 12;

/** Reads the script's reply; undefined when it is not one. */
export function parseLeaseReply(reply: unknown): LeaseGrant | undefined {
  if (!Array.isArray(reply) || reply.length !== replyLength) return undefined;
  if (!reply.every((part): part is number => Number.isSafeInteger(part))) return undefined;
  const [granted, epoch, lifeUs, retryUs, debt, atUs, born, outstanding, repaired, leakPerUs, units, burst] =
    reply as [number, number, number, number, number, number, number, number, number, number, number, number];
  return {
    granted,
    epoch,
    lifeUs,
    retryUs,
    debt,
    atUs,
    born,
    outstanding,
    repaired: repaired === 1,
    leakPerUs,
    unitsPerToken: units,
    burst,
  };
}

/**
 * The name of a bucket in Redis. All buckets of a tenant, its callers' included, have one hash tag and so live in one
 * Cluster slot. Different budgets never get equal names: what is before the last colon is the key with a brace set before
 * its first slash, and a limit id has no colon. A long owner or rest is told by its digest, so that a key takes at most 250
 * bytes of Redis with all that belongs to it.
 */
export function leaseKeyOf(limit: CompiledLimit, key: string): string {
  const ofTenant = limit.key === 'tenant' || limit.key === 'principal';
  const slash = key.indexOf('/');
  const end = slash === -1 || !ofTenant ? key.length : slash;
  const owner = ofTenant ? 't' : 'g';
  const rest = `${key.slice(end)}:${limit.id}`;
  return `bh:${limit.key[0]}:{${owner}:${shorten(key.slice(0, end), longestOwner)}}${shorten(rest, longestRest)}`;
}

/** Together 63 characters with what is around them; an IPv6 network is the longest owner that is common. */
const longestOwner = 24;
const longestRest = 30;

/** Keeps a short name, and stands for a long one by 132 bits of its digest. No name that is kept begins with `~`. */
function shorten(name: string, longest: number): string {
  if (name.length <= longest) return name;
  return `~${createHash('sha256').update(name).digest('base64url').slice(0, 22)}`;
}
