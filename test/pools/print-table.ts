import { batch, moreBatch, noisy, policies, simulate, users } from './overload.ts';

// The figures of the simulation beside those of first come, first served: `node test/pools/print-table.ts`.

const seeds = [1, 2, 3, 4, 5];
const loads = { 'twice as much': [users, moreBatch, noisy], 'normal load': [users, batch] };
const columns = ['users ok', 'p50', 'p99', 'noisy ok', 'batch ok', 'wasted'];

for (const [load, clients] of Object.entries(loads)) {
  process.stdout.write(`\n${load.padEnd(22)} ${columns.map((column) => column.padStart(9)).join('')}\n`);
  for (const [name, source] of Object.entries(policies)) {
    const rows = seeds.map((seed) => simulate(source, clients, { seed, seconds: 600 }).row);
    const mean = (key: keyof (typeof rows)[number]): number =>
      rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
    const percent = (part: number): string => (Number.isNaN(part) ? '-' : `${(100 * part).toFixed(1)} %`);
    const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
    const cells = [
      percent(mean('usersOk')),
      seconds(mean('usersP50Ms')),
      seconds(mean('usersP99Ms')),
      percent(mean('noisyOk')),
      percent(mean('batchOk')),
      percent(mean('wasted')),
    ];
    process.stdout.write(`${name.padEnd(22)} ${cells.map((cell) => cell.padStart(9)).join('')}\n`);
  }
}
