import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export interface CallCase {
  kind: 'json-rpc' | 'call-kw' | 'json-2' | 'xml-rpc';
  service?: string;
  body: Buffer;
}

/** What Python makes of one case. */
export type PythonAnswer = { refused: string } | Record<string, unknown>;

/** Has one Python process read all cases, in order. */
export function askPython(python: string, cases: readonly CallCase[]): PythonAnswer[] {
  const lines = cases.map(({ kind, service, body }) =>
    JSON.stringify({ kind, service, body: body.toString('base64') }),
  );
  const done = spawnSync(python, [join(import.meta.dirname, 'read_calls.py')], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 512 * 1024 * 1024,
    timeout: 60_000,
  });
  if (done.status !== 0) throw new Error(`python3 failed: ${done.stderr}${done.error?.message ?? ''}`);
  return done.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as PythonAnswer);
}
