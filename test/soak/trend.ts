/** One look at the process. */
export interface Sample {
  atMs: number;
  bytes: number;
}

/** How much a line through the second half of the samples (least squares) rises from its beginning to its end. */
export function growthOfSecondHalf(samples: readonly Sample[]): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const [first] = half;
  const last = half.at(-1);
  if (first === undefined || last === undefined || first === last) return 0;
  const meanMs = mean(half.map(({ atMs }) => atMs));
  const meanBytes = mean(half.map(({ bytes }) => bytes));
  let covariance = 0;
  let variance = 0;
  for (const { atMs, bytes } of half) {
    covariance += (atMs - meanMs) * (bytes - meanBytes);
    variance += (atMs - meanMs) ** 2;
  }
  return (covariance / variance) * (last.atMs - first.atMs);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
