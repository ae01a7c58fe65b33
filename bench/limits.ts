import { execFileSync, spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { startRedis } from '../test/servers/redis.ts';
import {
  type Contest,
  type Limiter,
  type LimiterName,
  type Load,
  limiterNames,
  openLimiter,
  pace,
  readWork,
  saturate,
  subtractWork,
} from './limits-contest.ts';
import { type MemoryReading, measureMemory } from './limits-memory.ts';
import { noisyCores } from './measure.ts';
import { chooseCores, readBusySeconds } from './processes.ts';
import { describeBed, renderTable, writeResult } from './report.ts';
import { type Spread, spreadOf } from './statistics.ts';

// Leases beside one script call a request and `rate-limiter-flexible`, on a Redis of its own: `npm run bench:limits`. With
// `-- --memory` only what keys take: a million of them in Redis, and as many in the process as it may hold.

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    batch: { type: 'string', default: '32' },
    redis: { type: 'string', default: 'redis-server' },
    name: { type: 'string', default: 'limits' },
    memory: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const measureMs = Number(values.seconds) * 1000;
const batch = Number(values.batch);
const keyCount = 1000;
const callers = 64;
/** The store is told of more instances than run: a grant is then smaller than it could be, as in a real group. */
const instances = 4;
/** Longer than idle tokens stay: what giving them back costs belongs to the measurement before. */
const settleMs = 400;
/** Untimed, before each measurement: leases learn from the rate how much to ask for, and forget it while others run. */
const leadInMs = 300;

interface Sample {
  decisionsPerSecond: number;
  admittedPart: number;
  nodeUs: number;
  redisCpuUs: number;
  redisScriptUs: number;
  redisCalls: number;
  /** Cores that neither this process nor Redis used. */
  foreignCores: number | undefined;
}

interface Goal {
  goal: string;
  measured: string;
  met: boolean;
  /** Something else was running, so that the figure says little. */
  noisy?: boolean;
}

const titles: Record<LimiterName, string> = {
  leases: 'leases',
  script: 'one EVALSHA a request',
  rlf: 'rate-limiter-flexible',
};

const server = await startRedis(values.redis);
const redis = new Redis(server.url);
try {
  if (values.memory) reportMemory(await measureMemory(server.url, redis));
  else {
    const cores = chooseCores();
    await pinTo(cores.contender, cores.peers);
    await assertExact();
    const samples = await compete();
    const commands = await countCommands();
    const memory = await weighKeys();
    report(samples, { commands, memory, bed: describeBed(cores) });
  }
} finally {
  redis.disconnect();
  await server.stop();
}

/** This process on one core and Redis on another, all threads of each, where that can be done. */
async function pinTo(own: number | undefined, other: number | undefined): Promise<void> {
  const serverId = /process_id:(\d+)/.exec(await redis.info('server'))?.[1];
  if (own === undefined || other === undefined || serverId === undefined) return;
  for (const [core, id] of [
    [own, process.pid],
    [other, serverId],
  ])
    spawnSync('taskset', ['-apc', String(core), String(id)]);
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `tenant-${String(i).padStart(6, '0')}`);
}

async function withLimiter<T>(
  name: LimiterName,
  contest: Omit<Contest, 'url' | 'instances'> & { instances?: number },
  use: (limiter: Limiter) => Promise<T>,
): Promise<T> {
  await redis.flushall();
  const limiter = await openLimiter(name, { url: server.url, instances, ...contest });
  try {
    return await use(limiter);
  } finally {
    await limiter.close();
  }
}

/** Throws when any key was admitted more often than its bucket, or window, allows over the time of the load. */
function assertWithin(name: LimiterName, { tokens, perSeconds, burst }: Contest['rate'], load: Load): void {
  const perSecond = tokens / perSeconds;
  const windows = Math.floor((load.seconds * perSecond) / burst) + 1;
  const most = name === 'rlf' ? burst * windows : Math.floor(burst + perSecond * load.seconds);
  const worst = load.admittedByKey.reduce((highest, admitted) => Math.max(highest, admitted), 0);
  if (worst > most) throw new Error(`${titles[name]} admitted ${worst} for a key, of ${most}`);
  if (load.admitted === 0) throw new Error(`${titles[name]} admitted nothing`);
}

/** Before anything is timed: far more is asked for than the buckets hold. */
async function assertExact(): Promise<void> {
  const rate = { tokens: 50, perSeconds: 1, burst: 100 };
  const keys = namesOf(100);
  for (const name of limiterNames) {
    await withLimiter(name, { rate, keys }, async (limiter) => {
      const load = await saturate(limiter, { keys: keys.length, callers, until: { ms: 1000 } });
      assertWithin(name, rate, load);
      const entitled = keys.length * (rate.burst + rate.tokens * load.seconds);
      if (load.decisions < entitled) throw new Error(`${titles[name]} was not asked for more than there is`);
      const part = ((load.admitted / entitled) * 100).toFixed(1);
      console.log(`${titles[name]}: admits ${part}% of what its buckets allow, asked for more`);
    });
  }
}

async function compete(): Promise<Record<LimiterName, Sample[]>> {
  await redis.flushall();
  const rate = { tokens: 10_000, perSeconds: 1, burst: 10_000 };
  const contest = { url: server.url, rate, keys: namesOf(keyCount), instances };
  const limiters: [LimiterName, Limiter][] = [];
  for (const name of limiterNames) limiters.push([name, await openLimiter(name, contest)]);
  const samples: Record<LimiterName, Sample[]> = { leases: [], script: [], rlf: [] };
  // The first round only warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, limiter] of limiters) {
      const sample = await measure(limiter, (load) => assertWithin(name, rate, load));
      if (round > 0) samples[name].push(sample);
    }
  }
  for (const [, limiter] of limiters) await limiter.close();
  return samples;
}

async function measure(limiter: Limiter, check: (load: Load) => void): Promise<Sample> {
  await saturate(limiter, { keys: keyCount, callers, batch, until: { ms: leadInMs } });
  const before = await readWork(redis);
  const [busyBefore, ownBefore, start] = [readBusySeconds(), process.cpuUsage(), performance.now()];
  const load = await saturate(limiter, { keys: keyCount, callers, batch, until: { ms: measureMs } });
  await sleep(settleMs);
  const own = process.cpuUsage(ownBefore);
  const [busyAfter, seconds] = [readBusySeconds(), (performance.now() - start) / 1000];
  const work = subtractWork(await readWork(redis), before);
  check(load);
  const { decisions, admitted } = load;
  const nodeUs = own.user + own.system;
  const foreignCores =
    busyBefore === undefined || busyAfter === undefined
      ? undefined
      : Math.max(0, (busyAfter - busyBefore - (nodeUs + work.cpuUs) / 1e6) / seconds);
  return {
    decisionsPerSecond: decisions / load.seconds,
    admittedPart: admitted / decisions,
    nodeUs: nodeUs / decisions,
    redisCpuUs: work.cpuUs / decisions,
    redisScriptUs: work.scriptUs / decisions,
    redisCalls: work.calls / decisions,
    foreignCores,
  };
}

interface CommandCount {
  what: string;
  decisions: number;
  admitted: number;
  calls: number;
}

/** Script calls of one tenant at a steady rate, and of one that is refused. */
async function countCommands(): Promise<CommandCount[]> {
  const keys = namesOf(1);
  const counts: CommandCount[] = [];
  const count = async (what: string, run: () => Promise<Load>): Promise<void> => {
    const before = await readWork(redis);
    const { decisions, admitted } = await run();
    const { calls } = subtractWork(await readWork(redis), before);
    counts.push({ what, decisions, admitted, calls });
  };
  const steady = { perSecond: 1000, seconds: 2 };
  for (const tokens of [2000, 1000]) {
    const rate = { tokens, perSeconds: 1, burst: tokens };
    await withLimiter('leases', { rate, keys }, (limiter) =>
      count(`1,000 a second, limit ${tokens}/s`, () => pace(limiter, steady)),
    );
  }
  const rate = { tokens: 100, perSeconds: 3600, burst: 100 };
  await withLimiter('leases', { rate, keys }, async (limiter) => {
    await saturate(limiter, { keys: 1, callers: 1, until: { decisions: 200 } });
    const flood = { keys: 1, callers, until: { decisions: 100_000 } };
    await count('refused, 100,000 at once', () => saturate(limiter, flood));
    await count('refused, 1,000 a second', () => pace(limiter, steady));
  });
  return counts;
}

interface KeyMemory {
  name: LimiterName;
  keys: number;
  usedPerKey: number;
  /** What MEMORY USAGE says of a hundred keys. */
  told: Spread;
}

/** One token spent of each of 100,000 keys. */
async function weighKeys(): Promise<KeyMemory[]> {
  const keys = namesOf(100_000);
  const rate = { tokens: 100, perSeconds: 36_000, burst: 100 };
  const results: KeyMemory[] = [];
  for (const name of limiterNames) {
    await withLimiter(name, { rate, keys }, async (limiter) => {
      // Connected and the script loaded: only keys come on top.
      await limiter.decide(0);
      const before = await readWork(redis);
      const load = await saturate(limiter, { keys: keys.length, callers, until: { decisions: keys.length } });
      if (load.admitted !== keys.length) throw new Error(`${titles[name]} refused a fresh key`);
      await sleep(settleMs);
      const { usedMemory } = subtractWork(await readWork(redis), before);
      const held = await redis.dbsize();
      if (held !== keys.length) throw new Error(`${titles[name]} keeps ${held} keys`);
      const told: number[] = [];
      while (told.length < 100) {
        const key = await redis.randomkey();
        told.push((await redis.memory('USAGE', key ?? '')) ?? 0);
      }
      results.push({ name, keys: held, usedPerKey: usedMemory / held, told: spreadOf(told) });
    });
  }
  return results;
}

function ratios(of: readonly Sample[], to: readonly Sample[], field: 'decisionsPerSecond' | 'redisCpuUs') {
  return spreadOf(of.map((sample, i) => sample[field] / (to[i]?.[field] ?? NaN)));
}

function show({ median, min, max }: Spread, places: number): string {
  return `${median.toFixed(places)} (${min.toFixed(places)}-${max.toFixed(places)})`;
}

function report(
  samples: Record<LimiterName, Sample[]>,
  {
    commands,
    memory,
    bed,
  }: { commands: CommandCount[]; memory: KeyMemory[]; bed: ReturnType<typeof describeBed> },
): void {
  const of = (name: LimiterName, field: keyof Sample): Spread =>
    spreadOf(samples[name].map((sample) => sample[field] ?? NaN));
  const rows = limiterNames.map((name) => [
    titles[name],
    show(ratios(samples[name], samples.script, 'decisionsPerSecond'), 2),
    show(ratios(samples[name], samples.script, 'redisCpuUs'), 3),
    of(name, 'decisionsPerSecond').median.toFixed(0),
    of(name, 'nodeUs').median.toFixed(2),
    of(name, 'redisCpuUs').median.toFixed(3),
    of(name, 'redisScriptUs').median.toFixed(3),
    of(name, 'redisCalls').median.toFixed(4),
    `${(of(name, 'admittedPart').min * 100).toFixed(1)}%`,
    `${(of(name, 'foreignCores').max * 100).toFixed(0)}%`,
  ]);
  const head = [
    '',
    'decisions/s, ratio',
    'Redis CPU, ratio',
    'decisions/s',
    'Node us',
    'Redis us',
    'in scripts',
    'calls',
    'admitted',
    'noise',
  ];
  const commandRows = commands.map(({ what, decisions, admitted, calls }) => [
    what,
    ...[decisions, admitted, calls].map(String),
    admitted === 0 ? '-' : (calls / admitted).toFixed(4),
  ]);
  const memoryRows = memory.map(({ name, keys, usedPerKey, told }) => [
    titles[name],
    String(keys),
    usedPerKey.toFixed(0),
    show(told, 0),
  ]);
  const goals = judge(samples, { commands, memory });
  const version = execFileSync(values.redis, ['--version'], { encoding: 'utf8' });
  const redisVersion = /v=(\S+)/.exec(version)?.[1] ?? 'unknown';

  console.log(`\n${bed.cpu}, ${bed.cores} cores, Node ${bed.node}, Redis ${redisVersion}, ${bed.commit}`);
  console.log(`${keyCount} keys, ${callers} callers, batches of ${batch}, ${rounds} rounds; a decision:\n`);
  console.log(`${renderTable(head, rows)}\n`);
  const commandHead = ['script calls', 'decisions', 'admitted', 'calls', 'for each admitted'];
  console.log(`${renderTable(commandHead, commandRows)}\n`);
  console.log(`${renderTable(['Redis memory', 'keys', 'bytes a key', 'MEMORY USAGE'], memoryRows)}\n`);
  const goalRows = goals.map(({ goal, measured, met, noisy = false }) => [
    goal,
    measured,
    `${met ? 'met' : 'MISSED'}${noisy ? ', in noise' : ''}`,
  ]);
  console.log(renderTable(['goals', 'measured', ''], goalRows));
  const result = { batch, bed: { ...bed, redis: redisVersion }, samples, commands, memory, goals };
  console.log(`\n${writeResult(values.name, result)}`);
}

function reportMemory(readings: readonly MemoryReading[]): void {
  const rows = readings.map(({ what, entries, bytesEach, totalMiB }) => [
    what,
    String(entries),
    bytesEach.toFixed(0),
    totalMiB.toFixed(1),
  ]);
  console.log(`\n${renderTable(['what keys take', 'keys', 'bytes each', 'MiB'], rows)}`);
  console.log(`\n${writeResult(`${values.name}-memory`, { readings })}`);
}

function judge(
  samples: Record<LimiterName, Sample[]>,
  { commands, memory }: { commands: CommandCount[]; memory: KeyMemory[] },
): Goal[] {
  const goals: Goal[] = [];
  const noise = Object.values(samples).flatMap((own) => own.map(({ foreignCores }) => foreignCores ?? 0));
  const noisy = Math.max(...noise) > noisyCores;
  for (const name of ['script', 'rlf'] as const) {
    const ratio = ratios(samples.leases, samples[name], 'decisionsPerSecond');
    const goal = `decisions/s ≥ 15 × ${titles[name]}`;
    goals.push({ goal, measured: show(ratio, 1), met: ratio.median >= 15, noisy });
    const saved = ratios(samples[name], samples.leases, 'redisCpuUs');
    goals.push({
      goal: `Redis time a decision ≤ 1/15 of ${titles[name]}`,
      measured: `1/${show(saved, 1)}`,
      met: saved.median >= 15,
      noisy,
    });
  }
  const [steady, , flood] = commands;
  const leases = memory.find(({ name }) => name === 'leases');
  if (steady === undefined || flood === undefined || leases === undefined) throw new Error('figures missing');
  const each = steady.calls / steady.admitted;
  const all = steady.admitted === steady.decisions;
  goals.push({
    goal: 'script calls for each admitted, at 1,000 a second ≤ 0.05',
    measured: each.toFixed(4),
    met: all && each <= 0.05,
  });
  goals.push({
    goal: 'script calls for 100,000 refused: 0',
    measured: String(flood.calls),
    met: flood.calls === 0 && flood.admitted === 0,
  });
  const bytes = Math.max(leases.usedPerKey, leases.told.median);
  goals.push({ goal: 'bytes of Redis a key ≤ 250', measured: bytes.toFixed(0), met: bytes <= 250 });
  return goals;
}
