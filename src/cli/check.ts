import { loadConfiguration } from '../config/load.ts';
import { renderProblems } from '../config/problems.ts';
import { systemClock } from '../core/clock.ts';
import { configurationDirectory, readArguments, refuseUsage } from './arguments.ts';
import { exitCodes } from './exit-codes.ts';

/** Checks a configuration with the loader that `serve` uses; prints every problem. */
export function check(argv: readonly string[]): number {
  const args = readArguments(argv, {});
  if (!args.ok) return args.code;
  if (args.positionals.length > 0)
    return refuseUsage(`check takes no argument "${args.positionals.join(' ')}".`);
  const directory = configurationDirectory(args.values.config);
  const { configuration, problems } = loadConfiguration(directory, {
    env: process.env,
    nowMs: systemClock.wallMs(),
  });
  if (configuration === undefined) {
    process.stdout.write(`${renderProblems(problems)}\n`);
    return exitCodes.no;
  }
  const { snapshot, pools, tests } = configuration;
  const counts = [
    `${snapshot.zonesByName.size} zones`,
    `${snapshot.tenants.byId.size} tenants`,
    `${pools.length} pools`,
    `${tests.length} policy tests`,
  ];
  process.stdout.write(`${directory} is valid: ${counts.join(', ')}; version ${snapshot.version}\n`);
  return exitCodes.done;
}
