import { parseArgs } from 'node:util';
import { type ContenderName, contenderNames } from './contenders.ts';
import { type ScenarioName, scenarioNames } from './traffic.ts';

export interface BenchOptions {
  scenarios: readonly ScenarioName[];
  contenders: readonly ContenderName[];
  rounds: number;
  seconds: number;
  connections: number;
  latency: boolean;
  refusals: boolean;
  /** File name of the result, without `.json`. */
  name: string;
}

export const usage = `npm run bench -- [options]

  --quick              2 rounds of 1.5 s, for a first look
  --rounds N           rounds, contenders interleaved in each (5)
  --seconds N          length of one measurement (4)
  --connections N      connections of the generator (32)
  --scenario LIST      ${scenarioNames.join(',')} (get,post)
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
      connections: { type: 'string', default: '32' },
      scenario: { type: 'string', default: 'get,post' },
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
    seconds: readNumber('--seconds', values.seconds ?? (quick ? '1.5' : '4')),
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
  return text.split(',').map((name) => {
    const found = known.find((candidate) => candidate === name);
    if (found === undefined) throw new TypeError(`"${option}" takes ${known.join(', ')}, and not "${name}"`);
    return found;
  });
}
