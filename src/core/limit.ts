/** How a configured limit looked for one request. */
export interface LimitOutcome {
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
  /** Burst in tokens: what a full budget holds. */
  burst: number;
  /** Milliseconds in which an empty budget refills completely. */
  windowMs: number;
  /** Milliseconds until this request would be admitted; 0 when it is. */
  retryAfterMs: number;
  /** Milliseconds until `remaining` grows by one; 0 when the budget is full. */
  moreAfterMs: number;
  /** `file:line:column` of the limit. */
  at: string;
  /**
   * Set while the store fails, and only then: the limit was decided by this instance's own share of it, or was let pass
   * uncounted. `remaining` is then the share's, or the full burst.
   */
  mode?: 'share' | 'open';
}
