import { parseArgs } from 'node:util';
import { inMiB, soak } from './soak.ts';

// node test/soak/run.ts [--minutes 10] [--clients 128] [--max-growth-mib 24] [--without scenario]...
// Loads one gateway process over loopback with good and bad clients, and exits with 1 when it leaks or answers wrongly.

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '128' },
    'max-growth-mib': { type: 'string', default: '24' },
    without: { type: 'string', multiple: true, default: [] },
  },
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const durationMs = Number(values.minutes) * 60_000;
const { tally, growthBytes, most, counted, core, findings } = await soak({
  durationMs,
  clients: Number(values.clients),
  maxGrowthBytes: Number(values['max-growth-mib']) * 1024 * 1024,
  without: values.without,
  sampleMs: Math.min(5_000, durationMs / 40),
  log: print,
});
for (const [name, count] of Object.entries(tally.byName).toSorted(([, a], [, b]) => b - a))
  print(`${String(count).padStart(9)}  ${name}`);
const { answered, left, 'broken off': brokenOff } = tally.outcomes;
print(
  `${tally.started} requests (${(tally.started / (durationMs / 1000)).toFixed(0)}/s): ${answered} answered, ${left} left, ${brokenOff} broken off by their worker, ${tally.wrongCount} wrong; the gateway counted ${counted}, and had ${(core * 100).toFixed(0)} % of a core`,
);
print(
  `at most ${most.sockets} sockets, ${most.spoolFiles} spool files, ${most.busySeats} seats, ${most.queued} in the queue; memory rose by ${inMiB(growthBytes)} in the second half`,
);
for (const finding of findings) print(finding);
print(findings.length === 0 ? 'nothing leaks' : 'FAILED');
process.exitCode = findings.length === 0 ? 0 : 1;
