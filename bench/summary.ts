import type { Sample } from './measure.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** The samples of one contender, brought together. */
export interface Summary {
  requestsPerSecond: Spread;
  cpuUsPerRequest: number | undefined;
  cpuShare: number | undefined;
  /** The most that something else took of the machine in one of the samples. */
  foreignCores: number | undefined;
  p50Ms: Spread;
  p99Ms: Spread;
}

/** How two contenders compare, from the samples of the same rounds: what disturbs a round disturbs both. */
export interface Ratio {
  /** Of requests per second. */
  throughput: Spread;
  /** Processor time of the base for a request to that of this one: what the ratio is when nothing else limits. */
  byCpu: Spread | undefined;
  /** Whether both had the processor to themselves and used it up; if not, only `byCpu` tells how they compare. */
  saturated: boolean;
}

/** Below that share of its core, something else than the contender was the bottleneck. */
const saturatedShare = 0.95;

export function summarise(samples: readonly Sample[]): Summary {
  return {
    requestsPerSecond: spreadOf(samples.map((sample) => sample.requestsPerSecond)),
    cpuUsPerRequest: spreadOfKnown(samples.map((sample) => sample.cpuUsPerRequest))?.median,
    cpuShare: spreadOfKnown(samples.map((sample) => sample.cpuShare))?.median,
    foreignCores: spreadOfKnown(samples.map((sample) => sample.foreignCores))?.max,
    p50Ms: spreadOf(samples.map((sample) => sample.p50Ms)),
    p99Ms: spreadOf(samples.map((sample) => sample.p99Ms)),
  };
}

export function compare(samples: readonly Sample[], base: readonly Sample[]): Ratio {
  const rounds = Math.min(samples.length, base.length);
  const each = (ratioOf: (own: Sample, other: Sample) => number | undefined): (number | undefined)[] =>
    Array.from({ length: rounds }, (_, i) => {
      const [own, other] = [samples[i], base[i]];
      return own === undefined || other === undefined ? undefined : ratioOf(own, other);
    });
  return {
    throughput: spreadOfKnown(each((own, other) => own.requestsPerSecond / other.requestsPerSecond)) ?? {
      median: NaN,
      min: NaN,
      max: NaN,
    },
    byCpu: spreadOfKnown(
      each(({ cpuUsPerRequest: own }, { cpuUsPerRequest: other }) =>
        own === undefined || other === undefined ? undefined : other / own,
      ),
    ),
    saturated: isSaturated(samples) && isSaturated(base),
  };
}

/** By contender; `ratios` by base. */
export function summariseAll(
  samples: Readonly<Record<string, readonly Sample[]>>,
  bases: readonly string[],
): Record<string, Summary & { ratios: Record<string, Ratio> }> {
  const ratiosOf = (own: readonly Sample[]): Record<string, Ratio> =>
    Object.fromEntries(
      bases.flatMap((base) => {
        const other = samples[base];
        return other === undefined ? [] : [[base, compare(own, other)]];
      }),
    );
  return Object.fromEntries(
    Object.entries(samples).map(([name, own]) => [name, { ...summarise(own), ratios: ratiosOf(own) }]),
  );
}

/** The figure that tells how two compare, and what it stands on. */
export function judge({ throughput, byCpu, saturated }: Ratio): { figure: Spread; basis: string } {
  return saturated || byCpu === undefined
    ? { figure: throughput, basis: 'throughput' }
    : { figure: byCpu, basis: 'processor time' };
}

function isSaturated(samples: readonly Sample[]): boolean {
  const share = spreadOfKnown(samples.map(({ cpuShare }) => cpuShare));
  return share === undefined || share.median >= saturatedShare;
}

function spreadOfKnown(values: readonly (number | undefined)[]): Spread | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : spreadOf(known);
}
