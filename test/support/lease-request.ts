import type { Bucket } from '../../src/limits/bucket.ts';
import type { LeaseReport, LeaseRequest } from '../../src/limits/leases/lease-call.ts';
import { nothingSeen } from '../../src/limits/leases/wallet.ts';

export const nothingUsed: LeaseReport = { epoch: 0, used: 0, returned: 0 };

/** A call of somebody who holds nothing, owes nothing and asks for one token, but for what is said otherwise. */
export function leaseRequest(
  { leakPerUs, unitsPerToken, burst }: Pick<Bucket, 'leakPerUs' | 'unitsPerToken' | 'burst'>,
  changes: Partial<LeaseRequest> = {},
): LeaseRequest {
  return {
    leakPerUs,
    unitsPerToken,
    burst,
    version: 1_790_000_000,
    need: 1,
    ask: 1,
    want: 1,
    share: 2,
    spare: 0,
    write: true,
    first: nothingUsed,
    second: nothingUsed,
    ageUs: 0,
    owe: 0,
    held: 0,
    seen: nothingSeen,
    suspect: false,
    ...changes,
  };
}

/** The same for so many tokens, all of which would be spent at once. */
export function tokensAsked(tokens: number): Pick<LeaseRequest, 'need' | 'ask' | 'want'> {
  return { need: tokens, ask: tokens, want: tokens };
}
