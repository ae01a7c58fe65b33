import type { PenaltyAction, PenaltyRule, Standing } from './penalty.ts';

/**
 * Where failed attempts are remembered. The key holds nothing secret and no name. A store that knows the answer gives it as
 * a value: only one that has to wait returns a promise.
 */
export interface PenaltyStore {
  act(action: PenaltyAction, key: string, rule: PenaltyRule): Standing | Promise<Standing>;
  /** The wait as far as this process knows, without asking anybody. */
  heldMs(key: string, rule: PenaltyRule): number;
  /** Whether it is sure without asking anybody that nothing failed lately. */
  readonly quiet: boolean;
  /** Records in the memory of this process. */
  readonly size: number;
  readonly maxKeys: number;
  close(): Promise<void>;
}
