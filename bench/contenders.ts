import { join } from 'node:path';
import { odooApiKey, writeGatewayConfiguration } from './gateway-config.ts';
import { findNative, type NativeName, startNative } from './native-proxies.ts';
import { type Part, type ReadPorts, startPart } from './processes.ts';
import type { ScenarioName } from './traffic.ts';

/** The first two are what the others are compared to. */
export const contenderNames = [
  'bare',
  'engine',
  'http-proxy',
  'gateway',
  'gateway-quiet',
  'nginx',
  'haproxy',
  'haproxy-jwt',
] as const;
export type ContenderName = (typeof contenderNames)[number];

/** Those that do the full job: with the access log to a file, and without one. */
export const gatewayNames = ['gateway', 'gateway-quiet'] as const;
export type GatewayName = (typeof gatewayNames)[number];

export const contenderTitles: Readonly<Record<string, string>> = {
  bare: 'bare node:http + undici',
  engine: 'bare own engine',
  'http-proxy': 'http-proxy, keep-alive agent',
  gateway: 'gateway, access log to a file',
  'gateway-quiet': 'gateway, access log off',
  nginx: 'nginx',
  haproxy: 'HAProxy',
  'haproxy-jwt': 'HAProxy, token and rates, no log',
  direct: 'no proxy',
} satisfies Record<ContenderName | 'direct', string>;

const scripts = { bare: 'bare-proxy.ts', engine: 'engine-proxy.ts', 'http-proxy': 'http-proxy.ts' } as const;

export function isNative(name: ContenderName): name is NativeName {
  return name === 'nginx' || name === 'haproxy' || name === 'haproxy-jwt';
}

/** Those of the list that this machine lacks. */
export function listMissing(names: readonly ContenderName[]): ContenderName[] {
  return names.filter((name) => isNative(name) && findNative(name) === undefined);
}

/** What the contenders stand between. */
export interface Surroundings {
  core: number | undefined;
  /** Origin that keeps connections, and one that closes each. */
  upstream: string;
  oneShotUpstream: string;
  issuer: string;
  publicKeyPem: string;
}

export interface Contender {
  name: ContenderName;
  part: Part;
  port: number;
  /** Checks tokens and rates, so it refuses, and gives Odoo another key; the others pass everything on. */
  guards: boolean;
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
  const oneShot = scenario === 'one-shot';
  const upstream = oneShot ? around.oneShotUpstream : around.upstream;
  if (isNative(name)) {
    const part = await startNative(name, { ...around, upstream, oneShot });
    return describe(name, part);
  }
  if (name === 'gateway' || name === 'gateway-quiet') return startGateway(name, around, nodeOptions);
  const part = await startPart(
    [
      ...nodeOptions,
      // http-proxy calls what Node 26 warns of.
      '--no-deprecation',
      join(import.meta.dirname, scripts[name]),
      upstream,
      oneShot ? 'one-shot' : 'keep-alive',
    ],
    { core: around.core },
  );
  return describe(name, part);
}

function describe(name: ContenderName, part: Part): Contender {
  return {
    name,
    part,
    port: part.ports[0] ?? 0,
    guards: name === 'gateway' || name === 'gateway-quiet' || name === 'haproxy-jwt',
    adminPort: part.ports[1],
    stop: part.stop,
  };
}

/** Its zone decides which of the two upstreams a request goes to. */
async function startGateway(
  name: 'gateway' | 'gateway-quiet',
  around: Surroundings,
  nodeOptions: readonly string[],
): Promise<Contender> {
  const configuration = writeGatewayConfiguration({ accessLog: name === 'gateway' });
  const starting = startPart(
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
  try {
    const part = await starting;
    return { ...describe(name, part), stop: () => part.stop().finally(configuration.remove) };
  } catch (error) {
    configuration.remove();
    throw error;
  }
}
