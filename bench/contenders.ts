import { join } from 'node:path';
import { odooApiKey, writeGatewayConfiguration } from './gateway-config.ts';
import { type Part, type ReadPorts, startPart } from './processes.ts';
import type { ScenarioName } from './traffic.ts';

export const contenderNames = ['bare', 'http-proxy', 'gateway', 'gateway-quiet'] as const;
export type ContenderName = (typeof contenderNames)[number];

export const contenderTitles: Readonly<Record<string, string>> = {
  bare: 'bare node:http + undici',
  'http-proxy': 'http-proxy, keep-alive agent',
  gateway: 'gateway, access log to a file',
  'gateway-quiet': 'gateway, access log off',
  direct: 'no proxy',
} satisfies Record<ContenderName | 'direct', string>;

/** What the contenders stand between. */
export interface Surroundings {
  core: number | undefined;
  /** Origin that keeps connections, and one that closes each. */
  upstream: string;
  oneShotUpstream: string;
  issuer: string;
}

export interface Contender {
  name: ContenderName;
  part: Part;
  port: number;
  /** Of the gateway; undefined for the others. */
  adminPort: number | undefined;
  stop(): Promise<void>;
}

/** The gateway tells its ports in its log, on the line `listening`. */
const readGatewayPorts: ReadPorts = (output) => {
  const line = output.split('\n').find((text) => text.includes('"msg":"listening"'));
  if (line === undefined) return undefined;
  const { listening } = JSON.parse(line) as { listening: { name: string; port: number }[] };
  const portOf = (name: string): number => listening.find((entry) => entry.name === name)?.port ?? 0;
  return [portOf('proxy'), portOf('admin')];
};

export async function startContender(
  name: ContenderName,
  around: Surroundings,
  { scenario, nodeOptions = [] }: { scenario: ScenarioName; nodeOptions?: readonly string[] },
): Promise<Contender> {
  if (name === 'bare' || name === 'http-proxy') {
    const oneShot = scenario === 'one-shot';
    const part = await startPart(
      [
        ...nodeOptions,
        // http-proxy calls what Node 26 warns of.
        '--no-deprecation',
        join(import.meta.dirname, name === 'bare' ? 'bare-proxy.ts' : 'http-proxy.ts'),
        oneShot ? around.oneShotUpstream : around.upstream,
        oneShot ? 'one-shot' : 'keep-alive',
      ],
      { core: around.core },
    );
    return { name, part, port: part.ports[0] ?? 0, adminPort: undefined, stop: part.stop };
  }
  const configuration = writeGatewayConfiguration({ accessLog: name === 'gateway' });
  const part = await startPart(
    [
      ...nodeOptions,
      join(import.meta.dirname, '../dist/main.js'),
      'serve',
      '--config',
      configuration.directory,
    ],
    {
      core: around.core,
      env: {
        BULKHEAD_ISSUER: around.issuer,
        ODOO_KEY_ACME: odooApiKey,
        BENCH_UPSTREAM: around.upstream,
        BENCH_ONE_SHOT_UPSTREAM: around.oneShotUpstream,
      },
      readPorts: readGatewayPorts,
    },
  );
  return {
    name,
    part,
    port: part.ports[0] ?? 0,
    adminPort: part.ports[1],
    async stop() {
      await part.stop();
      configuration.remove();
    },
  };
}
