import { ConfigurationRefusedError, startGateway } from '../gateway.ts';
import { configurationDirectory, readArguments, refuseUsage } from './arguments.ts';
import { exitCodes } from './exit-codes.ts';

/** Runs the gateway until SIGTERM or SIGINT; SIGHUP loads the configuration again. */
export async function serve(argv: readonly string[]): Promise<number> {
  const args = readArguments(argv, {});
  if (!args.ok) return args.code;
  if (args.positionals.length > 0)
    return refuseUsage(`serve takes no argument "${args.positionals.join(' ')}".`);
  const directory = configurationDirectory(args.values.config);
  let gateway;
  try {
    gateway = await startGateway({ directory, env: process.env });
  } catch (error) {
    if (error instanceof ConfigurationRefusedError) {
      process.stderr.write(`${error.message}\n`);
    } else {
      process.stderr.write(
        `bulkhead: cannot start: ${error instanceof Error ? error.message : String(error)}\n`,
      );
    }
    return exitCodes.no;
  }
  const running = gateway;
  process.on('SIGHUP', () => void running.reload());
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  await running.stop();
  return exitCodes.done;
}
