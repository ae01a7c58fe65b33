import { type WorkClass, workClasses } from '../core/work-class.ts';
import { type Workload, workloads } from '../core/workload.ts';
import type { CompiledZone } from '../decide/snapshot.ts';
import type { PoolOptions } from '../pools/options.ts';

const classesOf: Readonly<Record<Workload, readonly WorkClass[]>> = {
  interactive: ['critical', 'interactive'],
  batch: ['batch'],
  websocket: ['interactive'],
  static: ['interactive'],
};

/**
 * The pools with the classes that some zone sends there, so that a pool for batch work alone keeps no seat free for people who
 * never come.
 */
export function withServedClasses(
  pools: readonly PoolOptions[],
  zones: Iterable<CompiledZone>,
): readonly PoolOptions[] {
  const served = new Map<string, Set<WorkClass>>(pools.map(({ name }) => [name, new Set()]));
  for (const zone of zones) {
    for (const choices of [zone.pools, ...Object.values(zone.poolsByTier), zone.canary?.pools ?? {}]) {
      for (const workload of workloads) {
        const choice = choices[workload];
        if (choice === undefined) continue;
        for (const one of classesOf[workload]) served.get(choice.pool)?.add(one);
      }
    }
  }
  return pools.map((pool) => ({
    ...pool,
    serves: workClasses.filter((one) => served.get(pool.name)?.has(one)),
  }));
}
