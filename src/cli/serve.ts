import cluster from 'node:cluster';
import { ConfigurationRefusedError, loadFirst } from '../config/keeper.ts';
import { type Gateway, startGateway } from '../gateway/gateway.ts';
import { superviseWorkers } from '../workers/supervise.ts';
import { runWorker } from '../workers/worker.ts';
import { configurationDirectory, readArguments, refuseUsage } from './arguments.ts';
import { exitCodes } from './exit-codes.ts';

/** Runs the gateway until SIGTERM or SIGINT; SIGHUP loads the configuration again, SIGUSR2 replaces the workers. */
export async function serve(argv: readonly string[]): Promise<number> {
  const args = readArguments(argv, {});
  if (!args.ok) return args.code;
  if (args.positionals.length > 0)
    return refuseUsage(`serve takes no argument "${args.positionals.join(' ')}".`);
  if (cluster.isWorker) {
    await runWorker(process.env);
    return exitCodes.done;
  }
  let running;
  try {
    running = await start(configurationDirectory(args.values.config));
  } catch (error) {
    if (error instanceof ConfigurationRefusedError) {
      process.stderr.write(`${error.message}\n`);
    } else {
      complain('cannot start', error instanceof Error ? error.message : String(error));
    }
    return exitCodes.no;
  }
  const { gateway, failed } = running;
  process.on('SIGHUP', () => void gateway.reload());
  const ending = new Promise<undefined>((resolve) => {
    process.once('SIGTERM', () => resolve(undefined));
    process.once('SIGINT', () => resolve(undefined));
  });
  const cause = await Promise.race([ending, ...(failed === undefined ? [] : [failed])]);
  await gateway.stop();
  if (cause === undefined) return exitCodes.done;
  complain('cannot go on', cause);
  return exitCodes.no;
}

/** One process, or a primary with as many workers as `gateway.yaml` says. */
async function start(directory: string): Promise<{ gateway: Gateway; failed?: Promise<string> }> {
  const first = loadFirst(directory, process.env);
  const options = { directory, env: process.env, first };
  if (first.configuration.gateway.workers === 1) return { gateway: await startGateway(options) };
  const supervision = await superviseWorkers(options);
  process.on('SIGUSR2', () => void supervision.replaceWorkers());
  return { gateway: supervision, failed: supervision.failed };
}

function complain(what: string, cause: string): void {
  process.stderr.write(`bulkhead: ${what}: ${cause}\n`);
}
