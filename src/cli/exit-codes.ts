/** What a command answers to its shell. */
export const exitCodes = {
  done: 0,
  /** The answer is no: a failed policy test, a refused configuration, a refused request. */
  no: 1,
  /** sysexits.h EX_USAGE. */
  usage: 64,
} as const;
