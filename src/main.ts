#!/usr/bin/env node
import { exitCodes } from './cli/exit-codes.ts';
import { usage } from './cli/usage.ts';

/**
 * The process: one command, one exit code. Commands are loaded when they are named, so that `serve` starts without the
 * demo and `check` without the servers.
 */
async function main(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'serve':
      return (await import('./cli/serve.ts')).serve(rest);
    case 'check':
      return (await import('./cli/check.ts')).check(rest);
    case 'explain':
      return (await import('./cli/explain.ts')).explain(rest);
    case 'test':
      return (await import('./cli/test.ts')).test(rest);
    case 'limits':
      return (await import('./cli/limits.ts')).limits(rest);
    case 'schema':
      return (await import('./cli/schema.ts')).schema(rest);
    case 'demo':
      return (await import('./cli/demo.ts')).demo(rest);
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(usage);
      return exitCodes.done;
    case undefined:
      process.stderr.write(usage);
      return exitCodes.usage;
    default:
      process.stderr.write(`bulkhead: there is no command "${command}".\n\n${usage}`);
      return exitCodes.usage;
  }
}

process.exitCode = await main(process.argv.slice(2));
