import { CalendarWindows } from '../calendar.ts';
import type { QuotaLimit } from '../compile.ts';
import type { LeaseClock } from './lease-clock.ts';
import type { QuotaGrant, QuotaView } from './quota-call.ts';
import type { Wallet } from './wallet.ts';

/**
 * Which window of its calendar a wallet is in, by the server's clock: first guessed by this machine's, then known from the
 * server's answers.
 */
export class QuotaWindows {
  readonly #clock: LeaseClock;
  readonly #calendar = new CalendarWindows();
  /** The server's milliseconds since 1970 less those of the lease clock. */
  #serverOffsetMs: number;

  constructor(clock: LeaseClock, wallMs: number) {
    this.#clock = clock;
    this.#serverOffsetMs = wallMs - clock.nowMs;
  }

  /** The server's time, as far as known. */
  serverNowMs(): number {
    return this.#clock.nowMs + this.#serverOffsetMs;
  }

  /** What a wallet knows of its window now; a new window, of which nothing is known, when that one is over. */
  viewOf(wallet: Wallet<QuotaLimit>): QuotaView {
    const view = wallet.window;
    if (view !== undefined && this.#clock.nowMs < view.endsAtMs) return view;
    const nowMs = Math.max(this.serverNowMs(), view?.window.endMs ?? 0);
    const { period, burst } = wallet.limit;
    const window = this.#calendar.at(period, nowMs);
    const fresh: QuotaView = {
      window,
      endsAtMs: this.#clock.nowMs + window.endMs - nowMs,
      granted: 0,
      returned: 0,
      born: 0,
      quota: burst,
      owedIn: window.startMs,
    };
    wallet.window = fresh;
    wallet.owed = 0;
    wallet.deniedUntilMs = 0;
    return fresh;
  }

  /** Learns from an answer which window it is; false when the question was about another one. */
  learn(wallet: Wallet<QuotaLimit>, grant: QuotaGrant, sentMs: number): boolean {
    const { nowMs } = this.#clock;
    this.#serverOffsetMs = grant.nowMs - (sentMs + nowMs) / 2;
    const { window, owedIn } = this.viewOf(wallet);
    const { period, burst } = wallet.limit;
    if (grant.stale) {
      const now = Math.max(grant.nowMs, grant.startMs);
      const { startMs, endMs } = this.#calendar.at(period, now);
      wallet.window = {
        // Another instance may know a newer rule of the time zone; the window that has begun counts.
        window: { startMs: Math.max(startMs, grant.startMs), endMs },
        endsAtMs: nowMs + endMs - grant.nowMs,
        granted: 0,
        returned: 0,
        born: 0,
        quota: burst,
        owedIn,
      };
      return false;
    }
    const counted = window.startMs === grant.startMs ? window : this.#calendar.at(period, grant.startMs);
    wallet.window = {
      window: counted,
      // Rather late than early: the server's clock has gone on since it was read.
      endsAtMs: nowMs + counted.endMs - grant.nowMs,
      granted: grant.totalGranted,
      returned: grant.totalReturned,
      born: grant.born,
      quota: grant.quota,
      owedIn: grant.startMs,
    };
    return true;
  }
}
