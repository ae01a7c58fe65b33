// hot path: asked for every limit of every request.
import type { CompiledLimit, InFlightLimit, QuotaLimit } from '../compile.ts';
import type { Wallet } from './wallet.ts';

export type AnyWallet = Wallet<CompiledLimit>;

export function isRateWallet(wallet: AnyWallet): wallet is Wallet {
  return wallet.limit.kind === 'rate';
}

export function isQuotaWallet(wallet: AnyWallet): wallet is Wallet<QuotaLimit> {
  return wallet.limit.kind === 'quota';
}

export function isSlotWallet(wallet: AnyWallet): wallet is Wallet<InFlightLimit> {
  return wallet.limit.kind === 'inFlight';
}
