import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { TalliedHistogram } from './histogram.ts';

const options = {
  name: 'd_seconds',
  help: 'd',
  labelNames: ['zone', 'workload'],
  buckets: [0.1, 0.5, 1],
} as const;

test('a tallied histogram shows what the one of the library shows, as text and as objects', async () => {
  const observation = fc.record({
    zone: fc.constantFrom('a', 'b"c\n', 'none'),
    workload: fc.constantFrom('x', 'y'),
    value: fc.oneof(fc.constantFrom(0, 0.1, 0.5, 1, 1.0001), fc.double({ min: 0, max: 10, noNaN: true })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(observation), async (observations) => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const tallied = new TalliedHistogram(options);
      ours.registerMetric(tallied);
      const plain = new Histogram({ ...options, buckets: [...options.buckets], registers: [theirs] });
      // The library shows series in the order of their first observation, and so do we within one zone.
      for (const { zone, workload, value } of observations.toSorted((a, b) => (a.zone < b.zone ? -1 : 1))) {
        tallied.add(zone, workload, value);
        plain.observe({ zone, workload }, value);
      }
      expect(await ours.metrics()).toBe(await theirs.metrics());
      expect(await plainReading(ours)).toEqual(await plainReading(theirs));
    }),
    { numRuns: 50 },
  );
});

/** Without the place for an exemplar, which is null for want of one. */
async function plainReading(registry: Registry): Promise<unknown> {
  const metrics = await registry.getMetricsAsJSON();
  return JSON.parse(
    JSON.stringify(metrics, (key, value: unknown) => (key === 'exemplar' ? undefined : value)),
  );
}
