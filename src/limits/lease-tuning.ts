/** Numbers behind the leases. Those that keep a limit exact are `driftPart` and `slackMs`; the others trade calls for waste. */
export interface LeaseTuning {
  /** Part of a time span by which this clock and the server's may disagree. */
  driftPart: number;
  /** How much earlier a lease ends here than it is counted: what the lease clock may lag, and a little. */
  slackMs: number;
  /** A grant should last so long. */
  chunkMs: number;
  /** Tokens unused for so long go back. */
  idleMs: number;
  /** How often idle wallets are looked for, and how many at a time. */
  sweepMs: number;
  sweepMax: number;
  /** A refused key is not asked about again sooner, unless its whole bucket refills in less than four times that. */
  minProbeMs: number;
  /** Nor later, whatever the bucket said: while others hold tokens that may come back, and otherwise. */
  maxProbeMs: number;
  maxProbeAloneMs: number;
}

export const leaseTuning: LeaseTuning = {
  driftPart: 0.01,
  slackMs: 6,
  chunkMs: 150,
  idleMs: 250,
  sweepMs: 50,
  sweepMax: 2000,
  minProbeMs: 20,
  maxProbeMs: 1000,
  maxProbeAloneMs: 10_000,
};
