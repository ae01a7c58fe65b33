import { sendRequest } from './raw-http.ts';

/** Scrapes an admin port: the value of each series, under the name and labels with which it was written. */
export async function readMetrics(adminPort: number): Promise<Record<string, number>> {
  const { status, body } = await sendRequest(adminPort, { target: '/metrics', headers: { Host: 'admin' } });
  if (status !== 200) throw new Error(`/metrics answered ${status}`);
  const series: Record<string, number> = {};
  for (const line of body.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    series[line.slice(0, space)] = Number(line.slice(space + 1));
  }
  return series;
}

/** The series whose name is one of these, or begins with one that ends with `*`. */
export function pickSeries(
  series: Readonly<Record<string, number>>,
  names: readonly string[],
): Record<string, number> {
  const picked: Record<string, number> = {};
  for (const [key, value] of Object.entries(series)) {
    const name = key.split('{', 1)[0] ?? '';
    if (
      names.some((wanted) => (wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : wanted === name))
    )
      picked[key] = value;
  }
  return picked;
}
