import { join } from 'node:path';
import {
  compareLatency,
  compareRefusals,
  compareThroughput,
  refusalNames,
  type Stage,
  type Target,
} from './comparisons.ts';
import {
  type Contender,
  contenderNames,
  contenderTitles,
  gatewayNames,
  listMissing,
  startContender,
  type Surroundings,
} from './contenders.ts';
import { assertCorrect } from './correctness.ts';
import { type Goal, judgeGoals, type Measured } from './goals.ts';
import { type BenchOptions, readBenchOptions, usage } from './options.ts';
import { chooseCores, type Part, startPart } from './processes.ts';
import {
  describeBed,
  legend,
  renderBed,
  renderGoals,
  renderLatency,
  renderThroughput,
  writeResult,
} from './report.ts';
import { summariseAll } from './summary.ts';
import { type ScenarioName, scenarioRequest, startIdentityProvider } from './traffic.ts';

// Full-job throughput of the gateway beside what does less, and beside other proxies: `npm run bench`.

const bases = contenderNames.slice(0, 2);
const print = (text: string): void => console.log(text);

async function main(): Promise<void> {
  const options = withoutMissing(readBenchOptions(process.argv.slice(2)));
  const cores = chooseCores();
  const bed = describeBed(cores);
  print(`${renderBed(bed)}\n${describeRun(options)}`);
  const identity = await startIdentityProvider();
  let peers: Part | undefined;
  try {
    peers = await startPart([join(import.meta.dirname, 'both-ends.ts')], { core: cores.peers });
    const [upstreamPort = 0, oneShotPort = 0] = peers.ports;
    const around: Surroundings = {
      core: cores.contender,
      upstream: `http://127.0.0.1:${upstreamPort}`,
      oneShotUpstream: `http://127.0.0.1:${oneShotPort}`,
      issuer: identity.issuer,
      publicKeyPem: identity.publicKeyPem,
    };
    const stage: Stage = { options, token: identity.token, peers, around };
    const results: Record<string, object> = {};
    const goals: Goal[] = [];
    for (const scenario of options.scenarios) {
      const measured = await runScenario(stage, scenario);
      goals.push(...judgeGoals(scenario, measured));
      results[scenario] = { ...measured, summaries: summariseAll(measured.throughput, bases) };
    }
    if (goals.length > 0) print(`\n${renderGoals(goals)}`);
    const tokenBytes = identity.token.length;
    const path = writeResult(options.name, { ...bed, ...options, tokenBytes, goals, results });
    print(`\n${legend}\nwritten to ${path}`);
  } finally {
    await Promise.all([peers?.stop(), identity.close()]);
  }
}

function withoutMissing(options: BenchOptions): BenchOptions {
  const missing = listMissing(options.contenders);
  if (missing.length > 0)
    print(`Left out, because not installed: ${missing.join(', ')}. On Debian: apt-get install nginx haproxy`);
  return { ...options, contenders: options.contenders.filter((name) => !missing.includes(name)) };
}

function describeRun({ connections, generator, rounds, seconds, warmUpSeconds }: BenchOptions): string {
  return (
    `${connections} connections, no pipelining, generator: ${generator}; ` +
    `${rounds} rounds of ${seconds} s each after a warm-up of ${warmUpSeconds} s`
  );
}

async function runScenario(stage: Stage, scenario: ScenarioName): Promise<Measured> {
  const contenders: Contender[] = [];
  try {
    for (const name of stage.options.contenders)
      contenders.push(await startContender(name, stage.around, { scenario }));
    for (const contender of contenders) await assertContender(stage, contender, scenario);
    print(`\n${scenario}: every contender gives the right answers and forwards the right request`);

    // The generator keeps its connections, so nothing reaches the one-shot port without a proxy.
    const { peers } = stage;
    const direct: Target = { name: 'direct', part: peers, port: peers.ports[0] ?? 0 };
    const targets: Target[] = [...(scenario === 'one-shot' ? [] : [direct]), ...contenders];

    const request = scenarioRequest(scenario, stage.token);
    const throughput = await compareThroughput(stage, targets, request);
    print(`\n${scenario} at saturation\n${renderThroughput(throughput, { bases, titles: contenderTitles })}`);
    const measured: Measured = { throughput };

    const base = contenders[0]?.name;
    if (stage.options.latency && base !== undefined) {
      const halfLoad = await compareLatency(stage, targets, { request, throughput, base });
      measured.halfLoad = halfLoad;
      print(
        `\n${scenario} at half load: ${halfLoad.requestsPerSecond} req/s, half of what ${base} can do at saturation\n` +
          renderLatency(halfLoad.samples, contenderTitles),
      );
    }

    if (stage.options.refusals && scenario === 'get') {
      const titles = Object.fromEntries(
        Object.entries(refusalNames).map(([name, status]) => [name, `${status} ${name}`]),
      );
      measured.refusals = {};
      for (const name of gatewayNames) {
        const gateway = contenders.find((contender) => contender.name === name);
        if (gateway === undefined) continue;
        const refusals = await compareRefusals(stage, gateway);
        measured.refusals[name] = refusals;
        print(
          `\nrefusals at saturation: ${contenderTitles[name]}\n${renderThroughput(refusals, { bases: ['allowed'], titles })}`,
        );
      }
    }
    // What was timed still does the whole job afterwards.
    for (const contender of contenders) await assertContender(stage, contender, scenario);
    return measured;
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}

function assertContender(stage: Stage, contender: Contender, scenario: ScenarioName): Promise<void> {
  const [upstreamPort = 0, oneShotPort = 0] = stage.peers.ports;
  return assertCorrect(contender, { scenario, token: stage.token, upstreamPort, oneShotPort });
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
