import type { FailoverStore } from './failover.ts';
import type { BudgetDesk } from './inspect.ts';
import { StoreError } from './store-error.ts';

/**
 * Budgets of a shared store, as long as it answers. While it fails a limit with `onStoreFailure: share` shows the share that
 * holds here meanwhile; everything else rejects at once with `StoreError`.
 */
export function openFailoverDesk(failover: FailoverStore, store: BudgetDesk): BudgetDesk {
  const reach = (): BudgetDesk => {
    if (failover.mode === 'local') throw new StoreError('connection', 'Redis does not answer');
    return store;
  };
  return {
    async look(limit, key) {
      const share = failover.mode === 'local' && limit.onStoreFailure === 'share';
      return share ? await failover.lookAtShare(limit, key) : await reach().look(limit, key);
    },
    credit: async (limit, key, tokens) => await reach().credit(limit, key, tokens),
    settle: async (limit, key) => await reach().settle(limit, key),
    keysOf: (limit) => store.keysOf(limit),
  };
}
