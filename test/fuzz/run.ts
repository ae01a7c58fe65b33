import { parseArgs } from 'node:util';
import fc, { type Arbitrary } from 'fast-check';
import {
  agreement,
  answers,
  anyAnswers,
  anyRequests,
  newTally,
  requests,
  type Subject,
  type Tally,
} from './properties.ts';

// Reads random streams with our parsers and with llhttp until the time is over: `npm run fuzz`. A finding is printed with its
// seed, with which it comes again: `npm run fuzz -- --seed 5 --seconds 1`.

const usage = 'Usage: node test/fuzz/run.ts [--seconds 600] [--seed <number>]\n';
const runsPerSeed = 1_000;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** The report of a finding; undefined when there is none. */
async function search<Stream extends { bytes: Buffer }>(
  subject: Subject<Stream>,
  streams: Arbitrary<Stream>,
  { seed, tally }: { seed: number; tally: Tally },
): Promise<string | undefined> {
  const result = await fc.check(agreement(subject, streams, tally), { seed, numRuns: runsPerSeed });
  if (!result.failed) return undefined;
  const [cut] = result.counterexample ?? [];
  const error =
    result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  const { bytes, ...rest } = cut?.stream ?? { bytes: Buffer.alloc(0) };
  return [
    `seed ${seed}, path ${result.counterexamplePath}, ${subject.of}, shrunk ${result.numShrinks} times:`,
    JSON.stringify(bytes.toString('latin1')),
    `${JSON.stringify(rest)}, cut at ${JSON.stringify(cut?.places)}`,
    error,
  ].join('\n');
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } });
  const seconds = Number(values.seconds ?? 600);
  const firstSeed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 30));
  if (!(seconds > 0) || !Number.isInteger(firstSeed)) {
    process.stderr.write(usage);
    return 64;
  }
  print(
    `Fuzzing for ${seconds} s from seed ${firstSeed}, ${runsPerSeed} request and ${runsPerSeed} answer streams per seed.`,
  );
  const tally = newTally();
  const startMs = performance.now();
  let seed = firstSeed;
  let finding: string | undefined;
  let passedS = 0;
  while (finding === undefined && passedS < seconds) {
    finding =
      (await search(requests, anyRequests, { seed, tally })) ??
      (await search(answers, anyAnswers, { seed, tally }));
    seed++;
    passedS = (performance.now() - startMs) / 1000;
  }
  print(
    `${tally.streams} streams in ${passedS.toFixed(1)} s (${Math.round(tally.streams / passedS)} per second), ${tally.taken} messages taken.`,
  );
  for (const [what, count] of tally.justified) print(`Justified, ${count} times: ${what}.`);
  if (finding === undefined) return 0;
  print(`\nFinding: ${finding}`);
  return 1;
}

process.exitCode = await main();
