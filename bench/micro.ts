import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

// Every micro-benchmark in a process of its own, so that what V8 learnt in one does not show in the next: `npm run bench:micro`.

for (const file of ['decide.ts', 'zones.ts', 'calls.ts', 'pools.ts']) {
  console.log(`\n${file}`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, file)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
