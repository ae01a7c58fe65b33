import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { contenderNames, isNative, startContender } from './contenders.ts';
import { measureOnce } from './measure.ts';
import { chooseCores, type Part, startPart } from './processes.ts';
import { renderTable } from './report.ts';
import { scenarioNames, scenarioRequest, startIdentityProvider } from './traffic.ts';

// Where the microseconds of one contender go: `node bench/profile.ts [--contender gateway] [--scenario get] [--seconds 6]`.

/** What V8 writes with `--cpu-prof`. */
interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const { values } = parseArgs({
  options: {
    contender: { type: 'string', default: 'gateway' },
    scenario: { type: 'string', default: 'get' },
    seconds: { type: 'string', default: '6' },
    top: { type: 'string', default: '45' },
  },
});
// V8 profiles what it runs, so not nginx and not HAProxy.
const contenderName =
  contenderNames.find((name) => name === values.contender && !isNative(name)) ?? 'gateway';
const scenario = scenarioNames.find((name) => name === values.scenario) ?? 'get';

const cores = chooseCores();
const directory = mkdtempSync(join(tmpdir(), 'bulkhead-profile-'));
const identity = await startIdentityProvider();
let peers: Part | undefined;
try {
  peers = await startPart([join(import.meta.dirname, 'both-ends.ts')], { core: cores.peers });
  const contender = await startContender(
    contenderName,
    {
      core: cores.contender,
      upstream: `http://127.0.0.1:${peers.ports[0]}`,
      oneShotUpstream: `http://127.0.0.1:${peers.ports[1]}`,
      issuer: identity.issuer,
      publicKeyPem: identity.publicKeyPem,
    },
    { scenario, nodeOptions: ['--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=200'] },
  );
  const job = {
    pace: 'saturate' as const,
    generator: 'own' as const,
    port: contender.port,
    request: scenarioRequest(scenario, identity.token),
    connections: 32,
    seconds: Number(values.seconds),
  };
  // Code that is not optimised yet would fill the list with the library's own functions.
  await measureOnce(peers, contender.part, { job, status: 200 });
  const sample = await measureOnce(peers, contender.part, { job, status: 200 });
  await contender.stop();
  const file = readdirSync(directory).find((name) => name.endsWith('.cpuprofile')) ?? '';
  const profile = JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile;
  console.log(summarise(profile, sample.requestsPerSecond * job.seconds, Number(values.top)));
  console.log(
    `\n${sample.cpuUsPerRequest?.toFixed(1)} us of processor time for each request, profiler included`,
  );
} finally {
  await Promise.all([peers?.stop(), identity.close()]);
  rmSync(directory, { recursive: true });
}

function summarise(profile: CpuProfile, requests: number, top: number): string {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const byFunction = new Map<string, number>();
  const byFile = new Map<string, number>();
  // What came before the measured job is cut off.
  let fromUs = profile.timeDeltas.reduce((sum, us) => sum + us, 0) - Number(values.seconds) * 1e6;
  profile.samples.forEach((id, i) => {
    const frame = frames.get(id);
    const us = profile.timeDeltas[i] ?? 0;
    fromUs -= us;
    if (fromUs > 0) return;
    if (frame === undefined || frame.functionName === '(idle)') return;
    const file = fileOf(frame.url);
    const name = `${frame.functionName || '(anonymous)'}  ${file}${file === '' ? '' : `:${frame.lineNumber + 1}`}`;
    byFunction.set(name, (byFunction.get(name) ?? 0) + us);
    byFile.set(file || frame.functionName, (byFile.get(file || frame.functionName) ?? 0) + us);
  });
  return `${renderTop('self time by file', byFile, { requests, top })}\n\n${renderTop('self time by function', byFunction, { requests, top })}`;
}

function renderTop(
  title: string,
  times: ReadonlyMap<string, number>,
  { requests, top }: { requests: number; top: number },
): string {
  const rows = [...times].toSorted(([, a], [, b]) => b - a).slice(0, top);
  return renderTable(
    [title, 'us/request'],
    rows.map(([name, us]) => [name, (us / requests).toFixed(2)]),
  );
}

/** Shortens to what tells where it stands: a package, a file of ours, a module of Node. */
function fileOf(url: string): string {
  const inPackage = /node_modules\/(.+)$/.exec(url)?.[1];
  return inPackage ?? /\/(dist\/.+|bench\/.+)$/.exec(url)?.[1] ?? url.slice(0, 80);
}
