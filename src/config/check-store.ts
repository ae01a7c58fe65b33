import type { Issue } from '../core/issue.ts';
import { checkRedis } from '../limits/redis-place.ts';
import type { GatewayOptions } from './schema.ts';

/** What the keys of `store` in `gateway.yaml` say against each other. */
export function checkStore({ store }: GatewayOptions): Issue[] {
  if (store === undefined) return [];
  return checkRedis(store.redis).map(({ path, ...issue }) => ({
    path: ['store', 'redis', ...path],
    ...issue,
  }));
}
