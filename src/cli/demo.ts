import { join } from 'node:path';
import { type Demo, startDemo } from '../demo/start-demo.ts';
import { demoSteps } from '../demo/steps.ts';
import { readArguments, refuseUsage } from './arguments.ts';
import { exitCodes } from './exit-codes.ts';

/** Runs the gateway with stand-ins for all around it, and says what to try. Ends with Ctrl-C. */
export async function demo(argv: readonly string[]): Promise<number> {
  const args = readArguments(argv, { 'free-ports': { type: 'boolean' } });
  if (!args.ok) return args.code;
  if (args.positionals.length > 0)
    return refuseUsage(`demo takes no argument "${args.positionals.join(' ')}".`);
  const directory = args.values.config ?? join(import.meta.dirname, '../../config');
  let running: Demo;
  try {
    running = await startDemo({ directory, freePorts: args.values['free-ports'] === true });
  } catch (error) {
    process.stderr.write(
      `bulkhead: the demo cannot start: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return exitCodes.no;
  }
  process.stdout.write(renderDemo(running));
  const signalled = new Promise<undefined>((resolve) => {
    process.once('SIGINT', () => resolve(undefined));
    process.once('SIGTERM', () => resolve(undefined));
  });
  const code = await Promise.race([signalled, running.ended]);
  if (code !== undefined) process.stderr.write('bulkhead: the gateway ended by itself; see its log.\n');
  await running.stop();
  if (code === undefined) process.stdout.write('\nThe demo is over.\n');
  return code === undefined ? exitCodes.done : exitCodes.no;
}

function renderDemo({ addresses, logFile }: Demo): string {
  const rows: [string, string, string][] = [
    ['gateway, inline', `http://${addresses.proxy}`, 'what Traefik sends requests to'],
    ['gateway, ForwardAuth', `http://${addresses.forwardAuth}`, 'what Traefik asks'],
    ['gateway, admin', `http://${addresses.admin}`, '/healthz /readyz /metrics'],
    ['identity provider', addresses.issuer, 'issues the tokens'],
    ['Odoo, interactive', addresses.interactive, 'stand-in: 4 workers, one request each'],
    ['Odoo, batch', addresses.batch, 'stand-in: 2 workers'],
    ['Odoo, WebSocket', addresses.websocket, 'stand-in for the gevent port'],
    ['log of the gateway', logFile, 'one line per request, with its decision'],
  ];
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const table = rows.map(
    ([name, where, note]) => `  ${name.padEnd(width(0))}  ${where.padEnd(width(1))}  ${note}`,
  );
  const steps = demoSteps(addresses).map(
    ({ title, command, shows }, index) => `# ${index + 1}. ${title}\n#    shows: ${shows}\n${command}\n`,
  );
  return [
    'Bulkhead is running. Limits are counted in memory; nothing else on this machine is used.',
    '',
    ...table,
    '',
    'Paste these into another terminal, from this directory:',
    '',
    ...steps,
    'Ctrl-C ends all of it.',
    '',
  ].join('\n');
}
