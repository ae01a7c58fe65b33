import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { loadConfiguration } from '../../src/config/load.ts';
import { identityFieldNames } from '../../src/decide/identity-fields.ts';
import { exampleDirectory } from '../support/test-gateway.ts';

const deploy = join(import.meta.dirname, '../../deploy');

interface Service {
  command?: string[];
  depends_on?: Record<string, unknown>;
  environment?: Record<string, string>;
  networks: string[] | Record<string, { ipv4_address?: string }>;
  ports?: string[];
  secrets?: string[];
  volumes?: string[];
  read_only?: boolean;
  cap_drop?: string[];
}

interface Compose {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean; ipam?: { config: { subnet: string }[] } }>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
}

interface DynamicTraefik {
  http: {
    routers: Record<string, { rule: string; service?: string; parentRefs?: string[] }>;
    middlewares: Record<string, Record<string, Record<string, unknown>>>;
    services: Record<string, { loadBalancer: { servers: { url: string }[] } }>;
    serversTransports: Record<string, { forwardingTimeouts: Record<string, string> }>;
  };
}

function readYaml(file: string): unknown {
  const document = parseDocument(readFileSync(join(deploy, file), 'utf8'), { merge: true });
  expect(document.errors).toEqual([]);
  return document.toJS();
}

const compose = readYaml('compose.yaml') as Compose;
const override = readYaml('compose.forward-auth.yaml') as Pick<Compose, 'services'>;
const service = (name: string): Service => {
  const found = compose.services[name];
  if (found === undefined) throw new TypeError(`compose.yaml has no service "${name}"`);
  return found;
};
const networksOf = (name: string): string[] => {
  const { networks } = service(name);
  return Array.isArray(networks) ? networks : Object.keys(networks);
};
const mountsOf = ({ volumes = [] }: Service) =>
  volumes.map((volume) => {
    const [source = '', target = '', mode] = volume.split(':');
    return { source, target, mode, isPath: source.startsWith('.') };
  });
const odooServices = Object.keys(compose.services).filter((name) => name.startsWith('odoo-'));

describe('the files in deploy/', () => {
  const yamlFiles = readdirSync(deploy, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.ya?ml$/.test(file),
  );

  it.each(yamlFiles)('%s is YAML', (file) => {
    expect(typeof readYaml(file)).toBe('object');
  });

  it('are complete: whatever compose.yaml names is there', () => {
    const missing: string[] = [];
    for (const [name, one] of [...Object.entries(compose.services), ...Object.entries(override.services)]) {
      for (const other of Object.keys(one.depends_on ?? {})) {
        if (compose.services[other] === undefined) missing.push(`${name} depends on ${other}`);
      }
      for (const network of Array.isArray(one.networks) ? one.networks : Object.keys(one.networks)) {
        if (!(network in compose.networks)) missing.push(`${name} is in network ${network}`);
      }
      for (const secret of one.secrets ?? [])
        if (!(secret in compose.secrets)) missing.push(`${name} reads secret ${secret}`);
      for (const { source, isPath } of mountsOf(one)) {
        if (isPath ? !existsSync(join(deploy, source)) : !(source in compose.volumes)) {
          missing.push(`${name} mounts ${source}`);
        }
      }
    }
    expect(missing).toEqual([]);
  });

  it('keep secrets out of git', () => {
    for (const { file } of Object.values(compose.secrets)) {
      expect(readFileSync(join(deploy, file, '../.gitignore'), 'utf8')).toBe('*\n!.gitignore\n');
    }
  });
});

describe('the configurations in deploy/', () => {
  const directories = readdirSync(deploy, { recursive: true, encoding: 'utf8' })
    .filter((file) => /(^|\/)gateway\.yaml$/.test(file))
    .map((file) => relative('.', join(file, '..')));

  it('are those that a test loads', () => {
    expect(directories).toEqual(['config']);
  });

  it('are accepted as the container gets them: the example, with gateway.yaml laid over it', () => {
    const { volumes, environment = {} } = service('bulkhead');
    expect(volumes).toEqual([
      '../config:/etc/bulkhead:ro',
      './config/gateway.yaml:/etc/bulkhead/gateway.yaml:ro',
    ]);
    const directory = mkdtempSync(join(tmpdir(), 'bulkhead-deploy-'));
    try {
      cpSync(join(deploy, '../config'), directory, { recursive: true });
      cpSync(join(deploy, 'config/gateway.yaml'), join(directory, 'gateway.yaml'));
      const env = {
        ...imageEnvironment(),
        ...environment,
        BULKHEAD_ISSUER: 'https://id.example/realms/erp',
      };
      const { configuration, problems } = loadConfiguration(directory, { env, nowMs: Date.now() });
      expect(problems).toEqual([]);
      expect(configuration?.gateway.listeners).toEqual({
        proxy: { host: '0.0.0.0', port: 8080 },
        forwardAuth: { host: '0.0.0.0', port: 8081 },
        admin: { host: '0.0.0.0', port: 9901 },
      });
      expect(configuration?.gateway.store?.redis.url).toBe('redis://redis:6379/0');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('compose.yaml', () => {
  it('lets nobody but Traefik be reached from outside', () => {
    const published = Object.entries(compose.services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(['traefik']);
  });

  it('lets nobody but Bulkhead and PostgreSQL share a network with Odoo', () => {
    const neighbours = new Set<string>();
    for (const odoo of odooServices) {
      for (const network of networksOf(odoo)) {
        for (const name of Object.keys(compose.services)) {
          if (networksOf(name).includes(network)) neighbours.add(name);
        }
      }
    }
    expect([...neighbours].toSorted()).toEqual([
      'bulkhead',
      'odoo-batch',
      'odoo-cron',
      'odoo-interactive',
      'postgres',
    ]);
    expect(compose.networks['odoo']).toEqual({ internal: true });
  });

  it('makes Bulkhead believe the fixed address of Traefik and no other', () => {
    const { networks } = service('traefik');
    const address = Array.isArray(networks) ? undefined : networks['front']?.ipv4_address;
    expect(service('bulkhead').environment?.['BULKHEAD_TRUSTED_PROXY']).toBe(`${address}/32`);
    expect(compose.networks['front']?.ipam?.config[0]?.subnet).toBe('172.31.90.0/24');
  });

  it('points every pool at a service in a network that Bulkhead shares', () => {
    const { environment = {} } = service('bulkhead');
    for (const name of ['ODOO_INTERACTIVE', 'ODOO_BATCH', 'ODOO_WEBSOCKET']) {
      const { hostname } = new URL(environment[name] ?? '');
      expect(networksOf(hostname).filter((network) => networksOf('bulkhead').includes(network))).toEqual([
        'odoo',
      ]);
    }
    expect(environment['ODOO_WEBSOCKET']).toBe('http://odoo-interactive:8072');
  });

  it('gives each pool as many workers as it has seats, and 10 s less than its timeout', () => {
    const env = service('bulkhead').environment ?? {};
    const { configuration } = loadConfiguration(exampleDirectory, {
      env: { ...env, BULKHEAD_ISSUER: 'https://id.example' },
      nowMs: Date.now(),
    });
    for (const name of ['odoo-interactive', 'odoo-batch']) {
      const pool = configuration?.pools.find((candidate) => candidate.name === name);
      const { command } = service(name);
      expect(command).toContain(`--workers=${pool?.endpoints[0]?.seats}`);
      expect(command).toContain(`--limit-time-real=${(pool?.timeoutMs ?? 0) / 1000 - 10}`);
      expect(command).toContain('--max-cron-threads=0');
    }
    expect(service('odoo-cron').command).toEqual(
      expect.arrayContaining(['--no-http', '--max-cron-threads=2']),
    );
  });

  it('runs every Odoo on the same files', () => {
    for (const name of odooServices) {
      expect(service(name).volumes).toEqual([
        './odoo/odoo.conf:/etc/odoo/odoo.conf:ro',
        'odoo-data:/var/lib/odoo',
      ]);
    }
    const settings = readFileSync(join(deploy, 'odoo/odoo.conf'), 'utf8')
      .split('\n')
      .filter((line) => /^\w/.test(line));
    expect(settings).toEqual(
      expect.arrayContaining(['proxy_mode = True', 'list_db = False', 'dbfilter = ^%d$']),
    );
  });

  it('keeps budgets over a restart of Redis, and drops the one that ends first when memory is short', () => {
    expect(service('redis').command?.join(' ')).toBe(
      'redis-server --appendonly yes --appendfsync everysec --save  --maxmemory 256mb --maxmemory-policy volatile-ttl',
    );
  });

  it.each(['traefik', 'bulkhead', 'redis'])('gives %s nothing to write to and no privileges', (name) => {
    const { read_only, cap_drop } = service(name);
    expect({ read_only, cap_drop }).toEqual({ read_only: true, cap_drop: ['ALL'] });
  });

  it('gives Traefik one way: ForwardAuth mode takes the place of inline mode, and reaches Odoo', () => {
    const files = [service('traefik'), override.services['traefik'] ?? service('none')].map((one) =>
      mountsOf(one).find(({ target }) => target === '/etc/traefik/dynamic/bulkhead.yaml'),
    );
    expect(files.map((file) => file?.source)).toEqual([
      './traefik/inline.yaml',
      './traefik/forward-auth.yaml',
    ]);
    expect(override.services['traefik']?.networks).toEqual({ odoo: {} });
    expect(networksOf('traefik')).toEqual(['front']);
  });
});

describe('the Traefik files', () => {
  const inline = readYaml('traefik/inline.yaml') as DynamicTraefik;
  const forwardAuth = readYaml('traefik/forward-auth.yaml') as DynamicTraefik;

  it.each([
    ['inline', inline],
    ['forward-auth', forwardAuth],
  ])('%s never sends a request twice', (_, { http }) => {
    const kinds = Object.values(http.middlewares).flatMap((middleware) => Object.keys(middleware));
    expect(kinds).not.toContain('retry');
  });

  it.each([
    ['inline', inline],
    ['forward-auth', forwardAuth],
  ])('%s names services and ports of compose.yaml', (_, { http }) => {
    const urls = Object.values(http.services).flatMap(({ loadBalancer }) =>
      loadBalancer.servers.map(({ url }) => url),
    );
    const known = [
      'http://bulkhead:8080',
      'http://odoo-interactive:8069',
      'http://odoo-batch:8069',
      'http://odoo-interactive:8072',
    ];
    expect(urls.filter((url) => !known.includes(url))).toEqual([]);
  });

  it('ForwardAuth replaces exactly the fields by which Odoo is told who calls', () => {
    const question = forwardAuth.http.middlewares['bulkhead']?.['forwardAuth'];
    const listed = question?.['authResponseHeaders'] as string[] | undefined;
    const names = (listed ?? []).map((name) => name.toLowerCase());
    expect(names.toSorted()).toEqual([...identityFieldNames].toSorted());
    expect(question?.['address']).toBe('http://bulkhead:8081');
  });

  it('ForwardAuth has a router for every pool, and no other', () => {
    const { configuration } = loadConfiguration(exampleDirectory, { env: {}, nowMs: Date.now() });
    const children = Object.entries(forwardAuth.http.routers).filter(([, { parentRefs }]) => parentRefs);
    const pools = configuration?.pools ?? [];
    expect(children.map(([name]) => name).toSorted()).toEqual(pools.map(({ name }) => name).toSorted());
    for (const [name, { rule, service: target }] of children) {
      expect(rule).toContain(`Header(\`X-Bulkhead-Pool\`, \`${name}\`)`);
      expect(target).toBe(name);
    }
    for (const { name, timeoutMs, keepAlive } of pools) {
      const transport = forwardAuth.http.serversTransports[name];
      if (!keepAlive)
        expect(transport?.forwardingTimeouts['responseHeaderTimeout']).toBe(`${timeoutMs / 1000}s`);
    }
  });
});

/** What the image sets for itself. */
function imageEnvironment(): Record<string, string> {
  const text = readFileSync(join(deploy, 'Containerfile'), 'utf8').replaceAll('\\\n', ' ');
  const pairs = [...text.matchAll(/\b(BULKHEAD_[A-Z_]+)=(\S+)/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]));
}
