import { loadConfiguration } from '../config/load.ts';
import { renderProblems } from '../config/problems.ts';
import { systemClock } from '../core/clock.ts';
import { runPolicyTest } from '../decide/policy-test.ts';
import { configurationDirectory, readArguments, refuseUsage } from './arguments.ts';
import { exitCodes } from './exit-codes.ts';

/** Runs the policy tests of the zone files and prints each that fails with what differs. */
export async function test(argv: readonly string[]): Promise<number> {
  const args = readArguments(argv, { zone: { type: 'string' } });
  if (!args.ok) return args.code;
  if (args.positionals.length > 0)
    return refuseUsage(`test takes no argument "${args.positionals.join(' ')}".`);
  const directory = configurationDirectory(args.values.config);
  const { configuration, problems } = loadConfiguration(directory, {
    env: process.env,
    nowMs: systemClock.wallMs(),
  });
  if (configuration === undefined) {
    process.stdout.write(`${renderProblems(problems)}\n`);
    return exitCodes.no;
  }
  const { zone } = args.values;
  if (zone !== undefined && !configuration.snapshot.zonesByName.has(zone)) {
    return refuseUsage(`there is no zone "${zone}" in ${directory}.`);
  }
  let passed = 0;
  let failed = 0;
  for (const { test: policyTest, zone: owner, at } of configuration.tests) {
    if (zone !== undefined && owner !== zone) continue;
    const { differences } = await runPolicyTest(policyTest, configuration);
    if (differences.length === 0) {
      passed++;
      process.stdout.write(`ok    ${owner}: ${policyTest.name}\n`);
      continue;
    }
    failed++;
    process.stdout.write(`FAIL  ${owner}: ${policyTest.name} (${at})\n`);
    for (const difference of differences) process.stdout.write(`      ${difference}\n`);
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? exitCodes.done : exitCodes.no;
}
