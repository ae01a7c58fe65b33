import { parseArgs, type ParseArgsConfig } from 'node:util';
import { exitCodes } from './exit-codes.ts';
import { usage } from './usage.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

const configOption = { config: { type: 'string' } } as const satisfies Options;

/** Reads the arguments of one command; on wrong usage says what is wrong and gives the exit code instead. */
export function readArguments<const Extra extends Options>(argv: readonly string[], extra: Extra) {
  try {
    const options = { ...configOption, ...extra };
    return {
      ok: true as const,
      ...parseArgs({ args: [...argv], options, allowPositionals: true, strict: true }),
    };
  } catch (error) {
    return { ok: false as const, code: refuseUsage(error instanceof Error ? error.message : String(error)) };
  }
}

/** Complains about the command line and gives the exit code for that. */
export function refuseUsage(message: string): number {
  process.stderr.write(`bulkhead: ${message}\n\n${usage}`);
  return exitCodes.usage;
}

export function configurationDirectory(option: unknown): string {
  return typeof option === 'string' ? option : (process.env['BULKHEAD_CONFIG'] ?? 'config');
}
