import { type ContenderName, isNative, type Surroundings } from './contenders.ts';
import type { LoadJob } from './load.ts';
import { measure, measureOnce, type Sample } from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { Part } from './processes.ts';
import { spreadOf } from './statistics.ts';
import { type BenchRequest, refusedRequests, scenarioRequest } from './traffic.ts';

/** The servers that every contender stands between. */
export interface Stage {
  options: BenchOptions;
  token: string;
  /** Upstream and generator. */
  peers: Part;
  around: Surroundings;
}

/** By contender, or by what was asked; one sample for each round. */
export type Samples = Record<string, Sample[]>;

export const refusalNames = {
  allowed: 200,
  'no token': 401,
  'call not allowed': 403,
  'over the limit': 429,
} as const;

/** Nothing to compile, so nothing to wait for. */
const nativeWarmUpSeconds = 1;
const maxLatencyRounds = 3;
const maxRefusalRounds = 3;

/** What takes load: a contender, or `direct`, the upstream itself, which shows what generator and upstream can do. */
export interface Target {
  name: ContenderName | 'direct';
  part: Part;
  port: number;
}

/** Targets take turns, so that what disturbs the machine for a while disturbs all of them. */
export async function compareThroughput(
  stage: Stage,
  targets: readonly Target[],
  request: BenchRequest,
): Promise<Samples> {
  const { rounds, seconds, warmUpSeconds } = stage.options;
  const samples: Samples = {};
  for (let round = -1; round < rounds; round++) {
    for (const { name, part, port } of targets) {
      const warmingUp = round === -1;
      const warmUp = name !== 'direct' && isNative(name) ? nativeWarmUpSeconds : warmUpSeconds;
      const job = saturating(stage, { port, request, seconds: warmingUp ? warmUp : seconds });
      const logBytes = part.outputBytes();
      const sample = await (warmingUp ? measureOnce : measure)(stage.peers, part, { job, status: 200 });
      assertLogged(name, part.outputBytes() - logBytes, sample.requestsPerSecond * job.seconds);
      if (!warmingUp) (samples[name] ??= []).push(sample);
    }
  }
  return samples;
}

function saturating(
  { options }: Stage,
  { port, request, seconds }: { port: number; request: BenchRequest; seconds: number },
): LoadJob {
  const { connections, generator } = options;
  return { pace: 'saturate', generator, port, request, connections, seconds };
}

/** The access log is part of the job: a line has more than 300 bytes, a gateway with the log off writes none. */
function assertLogged(name: Target['name'], bytes: number, requests: number): void {
  if (name === 'gateway' && bytes < requests * 250)
    throw new Error(`${name} wrote only ${bytes} bytes of log`);
  if (name === 'gateway-quiet' && bytes > 0) throw new Error(`${name} wrote ${bytes} bytes of log`);
}

/** All at one absolute rate: half of what `base` can do at saturation. */
export async function compareLatency(
  stage: Stage,
  targets: readonly Target[],
  { request, throughput, base }: { request: BenchRequest; throughput: Samples; base: string },
): Promise<{ requestsPerSecond: number; samples: Samples }> {
  const { rounds, seconds, connections } = stage.options;
  const saturation = spreadOf((throughput[base] ?? []).map((sample) => sample.requestsPerSecond));
  const requestsPerSecond = Math.round(saturation.median / 2);
  const samples: Samples = {};
  for (let round = 0; round < Math.min(rounds, maxLatencyRounds); round++) {
    for (const { name, part, port } of targets) {
      const job: LoadJob = {
        pace: { requestsPerSecond },
        generator: 'own',
        port,
        request,
        connections,
        seconds,
      };
      (samples[name] ??= []).push(await measure(stage.peers, part, { job, status: 200 }));
    }
  }
  return { requestsPerSecond, samples };
}

/** What a refusal costs beside an allowed request: a flood that is refused must be cheaper than the work it asks for. */
export async function compareRefusals(stage: Stage, { part, port }: Target): Promise<Samples> {
  const { rounds, seconds } = stage.options;
  const refused = refusedRequests(stage.token);
  const requests: Record<number, BenchRequest> = { ...refused, 200: scenarioRequest('get', stage.token) };
  const samples: Samples = {};
  for (let round = -1; round < Math.min(rounds, maxRefusalRounds); round++) {
    for (const [name, status] of Object.entries(refusalNames)) {
      const request = requests[status];
      if (request === undefined) continue;
      const job = saturating(stage, { port, request, seconds: round === -1 ? 1 : seconds });
      const sample = await (round === -1 ? measureOnce : measure)(stage.peers, part, { job, status });
      if (round >= 0) (samples[name] ??= []).push(sample);
    }
  }
  return samples;
}
