import type { Samples } from './comparisons.ts';
import { noisyCores, type Sample } from './measure.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { compare, judge } from './summary.ts';
import { type GatewayName, gatewayNames } from './contenders.ts';
import type { ScenarioName } from './traffic.ts';

/** What was measured in one scenario. */
export interface Measured {
  throughput: Samples;
  halfLoad?: { requestsPerSecond: number; samples: Samples };
  /** By gateway, with its access log and without. */
  refusals?: Partial<Record<GatewayName, Samples>>;
}

/** A goal that the project has set itself, and how far it is. */
export interface Goal {
  scenario: ScenarioName;
  goal: string;
  measured: Spread;
  /** What the figure stands on: throughput, processor time where a contender did not use up its core, or latency. */
  basis: string;
  met: boolean;
  /** Something else was running in one of the rounds, so that the figure says little. */
  noisy: boolean;
}

const jobNames: Readonly<Record<GatewayName, string>> = {
  gateway: 'full job and access log',
  'gateway-quiet': 'full job',
};

const throughputGoals: readonly RatioGoal[] = [
  { of: 'engine', to: 'bare', least: 1.6, goal: 'bare engine ≥ 1.6 × bare node:http + undici' },
  ...gatewayNames.flatMap((of) => [
    { of, to: 'engine', least: 0.8, goal: `${jobNames[of]} ≥ 0.80 of the bare engine` },
    { of, to: 'bare', least: 1.5, goal: `${jobNames[of]} ≥ 1.5 × bare node:http + undici` },
    { of, to: 'http-proxy', least: 1.5, goal: `${jobNames[of]} ≥ 1.5 × http-proxy` },
  ]),
];

const refusalGoals = [
  { of: 'no token', goal: '401 ≥ 1.5 × the rate of allowed requests' },
  { of: 'call not allowed', goal: '403 ≥ 1.5 × the rate of allowed requests' },
  { of: 'over the limit', goal: '429 ≥ 1.5 × the rate of allowed requests' },
] as const;
const leastRefusals = 1.5;

const latencyGoals = [
  { of: 'engine', goal: 'p99 at half load, bare engine ≤ bare node:http + undici' },
  ...gatewayNames.map((of) => ({ of, goal: `p99 at half load, ${jobNames[of]} ≤ bare node:http + undici` })),
];

/** Every goal for which there are figures. */
export function judgeGoals(scenario: ScenarioName, { throughput, halfLoad, refusals }: Measured): Goal[] {
  const goals: Goal[] = [];
  const addRatio = (goal: string, samples: Samples, { of, to, least }: Omit<RatioGoal, 'goal'>): void => {
    const [own, base] = [samples[of], samples[to]];
    if (own === undefined || base === undefined) return;
    const { figure, basis } = judge(compare(own, base));
    goals.push({
      scenario,
      goal,
      measured: figure,
      basis,
      met: figure.median >= least,
      noisy: isNoisy(own, base),
    });
  };
  for (const goal of throughputGoals) addRatio(goal.goal, throughput, goal);
  for (const name of gatewayNames) {
    for (const { of, goal } of refusalGoals) {
      const told = `${goal}, ${jobNames[name]}`;
      addRatio(told, refusals?.[name] ?? {}, { of, to: 'allowed', least: leastRefusals });
    }
  }
  for (const { of, goal } of latencyGoals) {
    const [own, base] = [halfLoad?.samples[of], halfLoad?.samples['bare']];
    if (own === undefined || base === undefined) continue;
    const p99 = spreadOf(own.map(({ p99Ms }) => p99Ms));
    const limitMs = spreadOf(base.map(({ p99Ms }) => p99Ms)).median;
    const basis = `ms, and ${limitMs.toFixed(2)} ms`;
    goals.push({
      scenario,
      goal,
      measured: p99,
      basis,
      met: p99.median <= limitMs,
      noisy: isNoisy(own, base),
    });
  }
  return goals;
}

function isNoisy(own: readonly Sample[], base: readonly Sample[]): boolean {
  return [...own, ...base].some(({ foreignCores }) => (foreignCores ?? 0) > noisyCores);
}

interface RatioGoal {
  of: string;
  to: string;
  least: number;
  goal: string;
}
