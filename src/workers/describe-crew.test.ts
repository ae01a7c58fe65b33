import { describe, expect, it } from 'vitest';
import type { Readiness } from '../admin/admin.ts';
import { type AskedWorker, describeCrew } from './describe-crew.ts';

const facts = { configuration: 'in force', version: 'v2', draining: false, expected: 2, answerMs: 1_000 };

/** A worker that answers this about its readiness; undefined: it does not answer. */
function worker(index: number, state: AskedWorker['state'], readiness?: Readiness): AskedWorker {
  return { index, pid: 100 + index, state, ask: () => Promise.resolve(readiness as never) };
}

const says = (state: string, version = 'v2'): Readiness => ({
  ready: state === 'serving',
  details: { state, configuration: 'in force', version, limitStore: 'redis', pools: 'odoo 1/1 up' },
});

describe('the readiness of several workers', () => {
  it('tells what each says of itself, in the order of their places', async () => {
    const workers = [worker(1, 'serving', says('serving')), worker(0, 'serving', says('serving'))];
    const { ready, details } = await describeCrew(workers, facts);
    expect(ready).toBe(true);
    expect(Object.entries(details)).toEqual([
      ['state', 'serving'],
      ['configuration', 'in force'],
      ['version', 'v2'],
      ['workers', '2 of 2 take requests'],
      ['worker 1, process 100', 'serving, limits in redis, odoo 1/1 up'],
      ['worker 2, process 101', 'serving, limits in redis, odoo 1/1 up'],
    ]);
  });

  it('names a version that a worker still has', async () => {
    const { ready, details } = await describeCrew([worker(0, 'serving', says('serving', 'v1'))], facts);
    expect(ready).toBe(true);
    expect(details['worker 1, process 100']).toBe(
      'serving, still has version v1, limits in redis, odoo 1/1 up',
    );
  });

  it.each<[string, AskedWorker[], string]>([
    ['there is none', [], '0 of 2 take requests'],
    ['they start', [worker(0, 'starting'), worker(1, 'starting')], '0 of 2 take requests'],
    ['none answers', [worker(0, 'serving')], '0 of 2 take requests'],
    ['they drain', [worker(0, 'draining', says('draining'))], '0 of 2 take requests'],
    [
      'one drains that the primary did not tell to',
      [worker(0, 'serving', says('draining'))],
      '0 of 2 take requests',
    ],
  ])('is not there while %s', async (_title, workers, told) => {
    const { ready, details } = await describeCrew(workers, facts);
    expect({ ready, workers: details['workers'] }).toEqual({ ready: false, workers: told });
  });

  it('needs only one that takes requests and answers', async () => {
    const workers = [worker(0, 'serving', says('serving')), worker(1, 'serving')];
    const { ready, details } = await describeCrew(workers, facts);
    expect(ready).toBe(true);
    expect(details).toMatchObject({
      workers: '1 of 2 take requests',
      'worker 2, process 101': 'serving, does not answer',
    });
  });

  it('ends when the gateway drains, whatever the workers say', async () => {
    const { ready, details } = await describeCrew([worker(0, 'draining', says('serving'))], {
      ...facts,
      draining: true,
    });
    expect({ ready, state: details['state'] }).toEqual({ ready: false, state: 'draining' });
  });
});
