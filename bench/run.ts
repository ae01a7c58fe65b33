import { join } from 'node:path';
import {
  type Contender,
  type ContenderName,
  contenderTitles,
  startContender,
  type Surroundings,
} from './contenders.ts';
import { assertCorrect } from './correctness.ts';
import { measure, measureOnce, type Rig, type Sample, summarise, type Summary } from './measure.ts';
import { type BenchOptions, readBenchOptions, usage } from './options.ts';
import { chooseCores, type Part, startPart } from './processes.ts';
import { describeBed, legend, renderBed, renderTable, renderThroughput, writeResult } from './report.ts';
import {
  type BenchRequest,
  refusedRequests,
  type ScenarioName,
  scenarioRequest,
  startIdentityProvider,
} from './traffic.ts';

// Full-job throughput of the gateway beside a bare proxy and http-proxy: `npm run bench`.

/** The servers that every contender stands between. */
interface Stage {
  options: BenchOptions;
  token: string;
  rig: Rig;
  around: Surroundings;
}

// The gateway has more code than its peers and is still getting faster after five seconds; all get the same.
const warmUpSeconds = 8;
const print = (text: string): void => console.log(text);

async function main(): Promise<void> {
  const options = readBenchOptions(process.argv.slice(2));
  const cores = chooseCores();
  const bed = describeBed(cores);
  print(`${renderBed(bed)}\n${options.connections} connections, no pipelining, ` + roundsText(options));
  const identity = await startIdentityProvider();
  const parts: Part[] = [];
  const start = async (file: string, core: number | undefined): Promise<Part> => {
    const part = await startPart([join(import.meta.dirname, file)], { core });
    parts.push(part);
    return part;
  };
  try {
    const upstream = await start('upstream.ts', cores.upstream);
    const generator = await start('load.ts', cores.generator);
    const [upstreamPort = 0, oneShotPort = 0] = upstream.ports;
    const around: Surroundings = {
      core: cores.contender,
      upstream: `http://127.0.0.1:${upstreamPort}`,
      oneShotUpstream: `http://127.0.0.1:${oneShotPort}`,
      issuer: identity.issuer,
    };
    const stage: Stage = { options, token: identity.token, rig: { upstream, generator }, around };
    const results: Record<string, object> = {};
    for (const scenario of options.scenarios) results[scenario] = await runScenario(stage, scenario);
    const path = writeResult(options.name, {
      ...bed,
      ...options,
      tokenBytes: identity.token.length,
      results,
    });
    print(`\n${legend}\nwritten to ${path}`);
  } finally {
    await Promise.all([...parts.map((part) => part.stop()), identity.close()]);
  }
}

async function runScenario(stage: Stage, scenario: ScenarioName): Promise<object> {
  const contenders: Contender[] = [];
  try {
    for (const name of stage.options.contenders)
      contenders.push(await startContender(name, stage.around, { scenario }));
    for (const contender of contenders) await assertContender(stage, contender, scenario);
    const request = scenarioRequest(scenario, stage.token);
    print(`\n${scenario}: every contender gives the right answers and forwards the right request`);

    const throughput = await compareThroughput(stage, contenders, request);
    print(
      `\n${scenario} at saturation, ratio to ${contenders[0]?.name}\n` +
        renderThroughput(
          Object.entries(throughput).map(([name, summary]) => ({
            title: contenderTitles[name] ?? name,
            summary,
          })),
        ),
    );
    const result: Record<string, object> = { throughput };
    if (stage.options.latency)
      result['halfLoad'] = await compareLatency(stage, contenders, { request, throughput });
    if (stage.options.refusals && scenario === 'get') {
      const gateway = contenders.find(({ adminPort }) => adminPort !== undefined);
      if (gateway !== undefined) result['refusals'] = await compareRefusals(stage, gateway);
    }
    // What was timed still does the whole job afterwards.
    for (const contender of contenders) await assertContender(stage, contender, scenario);
    return result;
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}

function assertContender(stage: Stage, contender: Contender, scenario: ScenarioName): Promise<void> {
  const [upstreamPort = 0, oneShotPort = 0] = stage.rig.upstream.ports;
  return assertCorrect(contender, { scenario, token: stage.token, upstreamPort, oneShotPort });
}

type Summaries = Record<string, Summary>;
type Named<T> = Record<string, T>;

/** Contenders take turns, so that what disturbs the machine for a while disturbs all of them. */
async function compareThroughput(
  stage: Stage,
  contenders: readonly Contender[],
  request: BenchRequest,
): Promise<Summaries> {
  const { rounds, seconds, connections } = stage.options;
  const samples: Named<Sample[]> = {};
  for (let round = -1; round < rounds; round++) {
    for (const { name, part, port } of contenders) {
      const job = {
        pace: 'saturate' as const,
        port,
        request,
        connections,
        seconds: round === -1 ? warmUpSeconds : seconds,
      };
      const logBytes = part.outputBytes();
      const sample = await (round === -1 ? measureOnce : measure)(stage.rig, part, { job, status: 200 });
      assertLogged(name, part.outputBytes() - logBytes, sample.requestsPerSecond * job.seconds);
      if (round >= 0) (samples[name] ??= []).push(sample);
    }
  }
  const base = samples[contenders[0]?.name ?? ''] ?? [];
  return Object.fromEntries(Object.entries(samples).map(([name, own]) => [name, summarise(own, base)]));
}

/** The access log is part of the job: a line has more than 300 bytes, a gateway with the log off writes none. */
function assertLogged(name: ContenderName, bytes: number, requests: number): void {
  if (name === 'gateway' && bytes < requests * 250)
    throw new Error(`${name} wrote only ${bytes} bytes of log`);
  if (name === 'gateway-quiet' && bytes > 0) throw new Error(`${name} wrote ${bytes} bytes of log`);
}

/** All at one rate, half of what the slowest gateway can do, so that nobody queues. */
async function compareLatency(
  stage: Stage,
  contenders: readonly Contender[],
  { request, throughput }: { request: BenchRequest; throughput: Summaries },
): Promise<object> {
  const { rounds, seconds, connections } = stage.options;
  const slowest = Math.min(
    ...contenders
      .filter(({ name }) => name !== 'http-proxy')
      .map(({ name }) => throughput[name]?.requestsPerSecond.median ?? Infinity),
  );
  const requestsPerSecond = Math.round(slowest / 2);
  const targets = [
    { name: 'direct' as const, part: stage.rig.upstream, port: stage.rig.upstream.ports[0] ?? 0 },
    ...contenders,
  ];
  const samples: Named<Sample[]> = {};
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    for (const { name, part, port } of targets) {
      const job = { pace: { requestsPerSecond }, port, request, connections, seconds };
      (samples[name] ??= []).push(await measure(stage.rig, part, { job, status: 200 }));
    }
  }
  const base = samples['direct'] ?? [];
  const summaries = Object.fromEntries(
    Object.entries(samples).map(([name, own]) => [name, summarise(own, base)]),
  );
  const direct = summaries['direct'];
  print(
    `\nlatency at ${requestsPerSecond} req/s, half of what the slower of gateway and bare proxy can do\n` +
      renderTable(
        ['', 'p50 ms', 'added', 'p99 ms', 'added'],
        targets.map(({ name }) => {
          const own = summaries[name];
          const cells = [
            own?.p50Ms,
            added(own?.p50Ms, direct?.p50Ms),
            own?.p99Ms,
            added(own?.p99Ms, direct?.p99Ms),
          ];
          return [contenderTitles[name] ?? name, ...cells.map((value) => value?.toFixed(2) ?? '-')];
        }),
      ),
  );
  return { requestsPerSecond, summaries };
}

function added(value: number | undefined, base: number | undefined): number | undefined {
  return value === undefined || base === undefined ? undefined : value - base;
}

/** What a refusal costs beside an allowed request: a flood that is refused must be cheaper than the work it asks for. */
async function compareRefusals(stage: Stage, { part, port }: Contender): Promise<Summaries> {
  const { rounds, seconds, connections } = stage.options;
  const refused = refusedRequests(stage.token);
  const requests: Named<{ request: BenchRequest; status: number }> = {
    allowed: { request: scenarioRequest('get', stage.token), status: 200 },
    'no token': { request: refused['401'], status: 401 },
    'call not allowed': { request: refused['403'], status: 403 },
    'over the limit': { request: refused['429'], status: 429 },
  };
  const samples: Named<Sample[]> = {};
  for (let round = -1; round < Math.min(rounds, 3); round++) {
    for (const [name, { request, status }] of Object.entries(requests)) {
      const job = {
        pace: 'saturate' as const,
        port,
        request,
        connections,
        seconds: round === -1 ? 1 : seconds,
      };
      const sample = await (round === -1 ? measureOnce : measure)(stage.rig, part, { job, status });
      if (round >= 0) (samples[name] ??= []).push(sample);
    }
  }
  const summaries = Object.fromEntries(
    Object.entries(samples).map(([name, own]) => [name, summarise(own, samples['allowed'] ?? [])]),
  );
  print(
    `\nrefusals of the gateway at saturation, ratio to allowed\n` +
      renderThroughput(
        Object.entries(summaries).map(([name, summary]) => ({
          title: `${requests[name]?.status} ${name}`,
          summary,
        })),
      ),
  );
  return summaries;
}

function roundsText({ rounds, seconds }: BenchOptions): string {
  return `${rounds} rounds of ${seconds} s each after a warm-up of ${warmUpSeconds} s; medians, and smallest to largest`;
}

if (process.argv.includes('--help')) {
  print(usage);
} else {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
