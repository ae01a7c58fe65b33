import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openExplainer } from '../../src/cli/explainer.ts';
import { readQuestion } from '../../src/cli/question.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/problems.ts';

interface Sample {
  name: string;
  /** Why, where that is not plain. */
  why?: string;
  expect: { zone?: string; workload?: string; class?: string; refuse?: string };
}

/** A sample holds a question as `explain --batch` takes it. */
const samples = parse(readFileSync(join(import.meta.dirname, 'requests.yaml'), 'utf8')) as Sample[];

const loaded = loadConfiguration(join(import.meta.dirname, 'estate'), { env: {}, nowMs: Date.now() });
if (loaded.configuration === undefined) throw new Error(renderProblems(loaded.problems));
const explainer = openExplainer(loaded.configuration);
afterAll(() => explainer.close());

describe('explain chooses as somebody would who runs Odoo for a living', () => {
  it.each(samples.map((sample) => [sample.name, sample] as const))('%s', async (_name, sample) => {
    const { name: _, why: _why, expect: expected, ...asked } = sample;
    const question = readQuestion(asked);
    if ('complaint' in question) throw new Error(question.complaint);
    const decision = await explainer.ask(question);
    const got = {
      zone: decision.zone,
      workload: decision.workload,
      class: decision.class,
      refuse: decision.reason,
    };
    expect(
      Object.fromEntries(Object.keys(expected).map((key) => [key, got[key as keyof typeof got]])),
    ).toEqual(expected);
    if (expected.refuse === undefined) expect(decision.decision).toBe('allow');
  });

  it('has samples enough, of every zone and workload, no two of one name', () => {
    expect(samples.length).toBeGreaterThanOrEqual(60);
    expect(new Set(samples.map(({ name }) => name)).size).toBe(samples.length);
    const zones = new Set(samples.map((sample) => sample.expect.zone).filter((zone) => zone !== undefined));
    expect(zones).toEqual(new Set(loaded.configuration?.snapshot.zonesByName.keys()));
    const workloads = new Set(samples.map((sample) => sample.expect.workload));
    for (const workload of ['interactive', 'batch', 'websocket', 'static'])
      expect(workloads).toContain(workload);
  });
});
