/** Numbers behind the leases. Those that keep a limit exact are `driftPart`, `slackMs` and `holdMs`; the others trade calls for waste. */
export interface LeaseTuning {
  /** Part of a time span by which this clock and the server's may disagree. */
  driftPart: number;
  /** How much earlier a lease ends here than it is counted: what the lease clock may lag, and a little. */
  slackMs: number;
  /**
   * Tokens of a limit that instances share while the store fails are spent only so long after the store's last answer was
   * asked for; shorter than `shareAfterMs` by all that clocks may differ.
   */
  holdMs: number;
  /** A grant should last so long. */
  chunkMs: number;
  /** Tokens unused for so long go back. */
  idleMs: number;
  /** How often idle wallets are looked for, and how many at a time. */
  sweepMs: number;
  sweepMax: number;
  /** A refused key is not asked about again sooner, unless its whole bucket refills in less than four times that. */
  minProbeMs: number;
  /**
   * Where more is wanted than there is, not so soon either: until so many tokens have come for this instance, but never longer than this nor
   * than a quarter of what the bucket needs to fill.
   */
  pauseTokens: number;
  maxPauseMs: number;
  /** Nor later, whatever the bucket said: while others hold tokens that may come back, and otherwise. */
  maxProbeMs: number;
  maxProbeAloneMs: number;
  /** Tokens of a quota are good for so long, and no longer than their window. */
  quotaLifeMs: number;
  /** Slots of an instance that is not heard of for so long are free; it is heard three times as often. */
  slotTtlMs: number;
}

/** How long after the first failure the shares of the instances begin to fill: nobody spends leased tokens any more by then. */
export const shareAfterMs = 500;

export const leaseTuning: LeaseTuning = {
  driftPart: 0.01,
  slackMs: 6,
  holdMs: 400,
  chunkMs: 150,
  idleMs: 250,
  sweepMs: 50,
  sweepMax: 2000,
  minProbeMs: 20,
  pauseTokens: 32,
  maxPauseMs: 200,
  maxProbeMs: 1000,
  maxProbeAloneMs: 10_000,
  quotaLifeMs: 10_000,
  slotTtlMs: 10_000,
};
