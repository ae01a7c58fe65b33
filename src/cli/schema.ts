import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationSchemas } from '../config/schemas.ts';
import { readArguments, refuseUsage } from './arguments.ts';
import { exitCodes } from './exit-codes.ts';

/** Writes the JSON Schemas that editors check the configuration files with. */
export function schema(argv: readonly string[]): number {
  const args = readArguments(argv, { out: { type: 'string' } });
  if (!args.ok) return args.code;
  const { out } = args.values;
  if (out === undefined) return refuseUsage('schema needs --out DIR.');
  mkdirSync(out, { recursive: true });
  for (const { file, text } of configurationSchemas()) writeFileSync(join(out, file), text);
  return exitCodes.done;
}
