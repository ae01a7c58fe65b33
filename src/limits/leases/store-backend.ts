import type { CompiledLimit } from '../compile.ts';
import type { LeaseBackend } from './lease-call.ts';
import type { QuotaGrant, QuotaRequest } from './quota-call.ts';
import type { SlotGrant, SlotRequest } from './slot-call.ts';
import type { Wallet } from './wallet.ts';

/** Where quotas and slots are counted. Rejects when there is no answer; the call may then have been carried out or not. */
export interface CountBackend {
  callQuota(key: string, request: QuotaRequest): Promise<QuotaGrant>;
  callSlots(key: string, request: SlotRequest): Promise<SlotGrant>;
}

export type StoreBackend = LeaseBackend & CountBackend;

/** Asks the backend for the wallets of one kind of limit: at most one call at a time for each, for everybody who waits by then. */
export interface Asker<Limit extends CompiledLimit> {
  /** Asks for `lacking` tokens more; resolves when the wallet's next answer is there, rejects when there is none. */
  ask(wallet: Wallet<Limit>, lacking: number): Promise<void>;
  /** Asks before tokens are missed. */
  prefetch(wallet: Wallet<Limit>): void;
  /** A wallet that nobody will find again. */
  dismiss(wallet: Wallet<Limit>): void;
  /** Puts a wallet under a limit that was loaded anew. */
  adopt(wallet: Wallet<Limit>, limit: Limit, version: number): void;
  /** Tells of every wallet that holds something. */
  present(): void;
  /** Resolves when everything that is held was given back, or could not be. */
  close(): Promise<void>;
}

/** Counts one who waits for the wallet's next answer. */
export function joinWaiting(wallet: Wallet<CompiledLimit>, lacking: number): void {
  wallet.waitingSum += lacking;
  if (lacking < wallet.waitingLeast) wallet.waitingLeast = lacking;
}

/** Gives back what these wallets hold, for good; resolves when the last call has ended, however. */
export async function giveAllBack<Held extends Wallet<CompiledLimit>>(
  wallets: Iterable<Held>,
  giveBack: (wallet: Held) => void,
): Promise<void> {
  const last: Promise<unknown>[] = [];
  for (const wallet of wallets) {
    wallet.evicted = true;
    if (wallet.inflight === undefined) giveBack(wallet);
    if (wallet.inflight !== undefined) last.push(wallet.inflight);
  }
  await Promise.allSettled(last);
}

/**
 * Starts the call of a wallet that has none, at once or a turn later, so that all who wait by then are asked for together.
 * Whoever waits learns of a failure, which may else pass in silence; `after` runs when there was none.
 */
export function startCall(
  wallet: Wallet<CompiledLimit>,
  call: () => Promise<void>,
  { atOnce, after }: { atOnce: boolean; after: () => void },
): Promise<void> {
  const run = async (): Promise<void> => {
    try {
      await call();
    } finally {
      wallet.inflight = undefined;
      // Those who still lack something say so again.
      wallet.waitingSum = 0;
      wallet.waitingLeast = Infinity;
    }
    after();
  };
  const settled = atOnce ? run() : Promise.resolve().then(run);
  wallet.inflight = settled;
  settled.catch(() => undefined);
  return settled;
}
