import { expect, it } from 'vitest';
import { compilePools } from '../pools/compile.ts';
import { poolsSchema } from '../pools/options.ts';
import type { CompiledZone } from '../decide/snapshot.ts';
import { withServedClasses } from './served-classes.ts';

it('tells for each pool which classes some zone or tier sends there', () => {
  const { pools } = compilePools(
    poolsSchema.parse({
      pools: ['people', 'heavy', 'own', 'sockets', 'unused'].map((name) => ({
        name,
        endpoints: [{ url: `http://${name}:8069`, seats: 8 }],
      })),
    }),
  );
  const to = (pool: string) => ({ pool, at: '' });
  const zones = [
    {
      pools: {
        interactive: to('people'),
        batch: to('heavy'),
        static: to('people'),
        websocket: to('sockets'),
      },
      poolsByTier: { dedicated: { interactive: to('own'), batch: to('own') } },
    },
  ] as unknown as CompiledZone[];
  expect(withServedClasses(pools, zones).map(({ name, serves }) => [name, serves])).toEqual([
    ['people', ['critical', 'interactive']],
    ['heavy', ['batch']],
    ['own', ['critical', 'interactive', 'batch']],
    ['sockets', ['interactive']],
    ['unused', []],
  ]);
});
