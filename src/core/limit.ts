/** How a configured limit looked for one request. */
export interface LimitOutcome {
  /** `rate`: tokens come back all the time. `quota`: with the next window. `inFlight`: each when its request is over. */
  kind: 'rate' | 'quota' | 'inFlight';
  name: string;
  /** Whose budget it is, e.g. `acme/edi-acme`; holds no secret. */
  key: string;
  cost: number;
  /** Whole tokens left after this decision. */
  remaining: number;
  /** A shadow limit is counted and reported but never refuses. */
  shadow: boolean;
  /** Whether this limit alone would admit the request. */
  admitted: boolean;
  /** What a full budget holds: the burst of a rate, the quota, all slots. */
  burst: number;
  /** Milliseconds in which an empty budget refills completely; of a quota the usual length of its window, 0 for slots. */
  windowMs: number;
  /** Milliseconds until this request would be admitted; 0 when it is. */
  retryAfterMs: number;
  /** Milliseconds until `remaining` grows; 0 when the budget is full, and where nobody knows. */
  moreAfterMs: number;
  /** `file:line:column` of the limit. */
  at: string;
  /** Of a quota: when its window ends, in milliseconds since 1970. */
  windowEndsAtMs?: number;
  /**
   * Set while the store fails, and only then: the limit was decided by this instance's own share of it, or was let pass
   * uncounted. `remaining` is then the share's, or the full burst.
   */
  mode?: 'share' | 'open';
  /** Whose figures governed, such as `default` or `tier dedicated`; told only with a trace. */
  figures?: string;
}
