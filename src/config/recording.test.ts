import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfiguration } from './load.ts';
import { renderProblems } from './problems.ts';
import type { Recording } from './recording.ts';
import { partOfWorker } from './worker-part.ts';

const nowMs = Date.UTC(2026, 10, 22);
const env = { SEATS: '6' };
const files = {
  'gateway.yaml':
    'listeners: { proxy: 127.0.0.1:0, admin: 127.0.0.1:0 }\nworkers: 2\nstore: { redis: { url: "${file:redis-url}" }, instances: 3 }\n',
  'redis-url': 'redis://:hunter2@127.0.0.1:6379',
  'pools.yaml': 'pools: [{ name: odoo, endpoints: [{ url: http://odoo:8069, seats: "${env:SEATS}" }] }]\n',
  'tenants/a.yaml': 'tenants: [{ id: acme, database: acme }]\n',
  'zones/office.yaml':
    'zone: office\nmatch: Host(`{tenant}.example`)\nidentify: none\ntenant: { from: [host] }\npools: { interactive: odoo }\n',
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bulkhead-recording-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Loads the files, and gives what was read as another process would get it. */
function record(): { version: string | undefined; recording: Recording } {
  const { configuration, problems, recording } = loadConfiguration(directory, { env, nowMs });
  expect(problems).toEqual([]);
  return {
    version: configuration?.snapshot.version,
    recording: JSON.parse(JSON.stringify(recording)) as Recording,
  };
}

describe('a load from a recording', () => {
  it('gives the same configuration when the files have gone', () => {
    const { version, recording } = record();
    rmSync(directory, { recursive: true });
    const {
      configuration,
      problems,
      recording: again,
    } = loadConfiguration(directory, { env, nowMs, recording });
    expect(problems).toEqual([]);
    expect(configuration?.snapshot.version).toBe(version);
    expect(configuration?.gateway.store?.redis.url).toBe(files['redis-url']);
    expect(configuration?.pools[0]?.endpoints).toEqual([{ url: 'http://odoo:8069', seats: 6 }]);
    expect([...(configuration?.snapshot.tenants.byId.keys() ?? [])]).toEqual(['acme']);
    expect(JSON.parse(JSON.stringify(again)) as Recording).toEqual({
      ...recording,
      // Secrets are read from it and not recorded again.
      secretFiles: {},
    });
  });

  it('sees nothing of what was written since', () => {
    const { version, recording } = record();
    writeFileSync(join(directory, 'zones/office.yaml'), 'zone: nonsense\n');
    writeFileSync(join(directory, 'redis-url'), 'no address');
    const { configuration, problems } = loadConfiguration(directory, { env, nowMs, recording });
    expect(problems).toEqual([]);
    expect(configuration?.snapshot.version).toBe(version);
  });

  it('names a secret file that is not in it', () => {
    const { recording } = record();
    const { problems } = loadConfiguration(directory, {
      env,
      nowMs,
      recording: { ...recording, secretFiles: {} },
    });
    expect(renderProblems(problems)).toContain('was not read when the gateway loaded its files');
  });

  it('is not made of files with problems', () => {
    writeFileSync(join(directory, 'pools.yaml'), 'pools: []\n');
    expect(loadConfiguration(directory, { env, nowMs }).recording).toBeUndefined();
  });
});

describe('a configuration for several workers', () => {
  it('is checked for those that run, when their number cannot change any more', () => {
    const { problems } = loadConfiguration(directory, { env, nowMs, workers: 7 });
    expect(problems.map(({ what }) => what)).toEqual([
      'Pool "odoo" has fewer seats (6) than the gateway has workers (7).',
    ]);
  });

  it('makes each worker an instance of its own to the store', () => {
    const { configuration } = loadConfiguration(directory, { env, nowMs });
    if (configuration === undefined) throw new Error('it is refused');
    const { gateway } = configuration;
    expect(partOfWorker(gateway, { of: 4 }).store).toEqual({ ...gateway.store, instances: 12 });
    expect(partOfWorker({ ...gateway, store: undefined }, { of: 1 }).store).toBeUndefined();
  });
});
