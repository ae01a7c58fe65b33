import { parseArgs } from 'node:util';
import { type ContenderName, contenderNames } from './contenders.ts';
import { type GeneratorName, generatorNames } from './generators.ts';
import { type ScenarioName, scenarioNames } from './traffic.ts';

export interface BenchOptions {
  scenarios: readonly ScenarioName[];
  contenders: readonly ContenderName[];
  rounds: number;
  seconds: number;
  /** Before the first round, for each contender that compiles while it runs. */
  warmUpSeconds: number;
  generator: GeneratorName;
  connections: number;
  latency: boolean;
  refusals: boolean;
  /** File name of the result, without `.json`. */
  name: string;
}

export const usage = `npm run bench -- [options]

  --quick              2 rounds of 1 s after 2 s of warm-up, for a first look
  --rounds N           rounds, contenders interleaved in each (5)
  --seconds N          length of one measurement (4)
  --warm-up N          seconds of load before the first round (8)
  --generator NAME     ${generatorNames.join(',')} (own)
  --connections N      connections of the generator (32)
  --scenario LIST      ${scenarioNames.join(',')} (all)
  --contenders LIST    ${contenderNames.join(',')} (all)
  --no-latency         leave out the latency at half load
  --no-refusals        leave out the cost of refusals
  --name NAME          result file in bench/results (throughput)
`;

/** Reads the arguments; throws a TypeError that says what is wrong. */
export function readBenchOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    allowNegative: true,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      generator: { type: 'string', default: 'own' },
      connections: { type: 'string', default: '32' },
      scenario: { type: 'string', default: scenarioNames.join(',') },
      contenders: { type: 'string', default: contenderNames.join(',') },
      latency: { type: 'boolean', default: true },
      refusals: { type: 'boolean', default: true },
      name: { type: 'string', default: 'throughput' },
    },
  });
  const { quick } = values;
  if (!/^[\w.-]+$/.test(values.name)) throw new TypeError(`"--name" is no file name: "${values.name}"`);
  return {
    scenarios: readList('--scenario', values.scenario, scenarioNames),
    contenders: readList('--contenders', values.contenders, contenderNames),
    rounds: readNumber('--rounds', values.rounds ?? (quick ? '2' : '5')),
    seconds: readNumber('--seconds', values.seconds ?? (quick ? '1' : '4')),
    // The gateway has more code than its peers and is still getting faster after five seconds; all get the same.
    warmUpSeconds: readNumber('--warm-up', values['warm-up'] ?? (quick ? '2' : '8')),
    generator: readName('--generator', values.generator, generatorNames),
    connections: readNumber('--connections', values.connections),
    latency: values.latency,
    refusals: values.refusals,
    name: values.name,
  };
}

function readNumber(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 600)) throw new TypeError(`"${option}" is no number up to 600: "${text}"`);
  return value;
}

function readList<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  const names = text.split(',').map((name) => readName(option, name, known));
  // In the order in which they are known: the first are what the others are compared to.
  return known.filter((name) => names.includes(name));
}

function readName<T extends string>(option: string, name: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === name);
  if (found === undefined) throw new TypeError(`"${option}" takes ${known.join(', ')}, and not "${name}"`);
  return found;
}
