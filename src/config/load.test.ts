import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { writeFiles } from '../../test/support/write-files.ts';
import { type Loaded, loadConfiguration } from './load.ts';
import { renderProblems } from './problems.ts';

const nowMs = Date.UTC(2026, 5, 1);
const base = {
  'gateway.yaml': 'listeners: { admin: 127.0.0.1:0 }\n',
  'pools.yaml': 'pools:\n  - { name: odoo, endpoints: [{ url: "http://127.0.0.1:8069", seats: 4 }] }\n',
  'tenants.yaml': 'tenants:\n  - { id: acme, database: acme }\n',
  'zones/staff.yaml':
    'zone: staff\nmatch: Host(`{tenant}.example`)\nidentify: none\ntenant: { from: [host] }\npools: { interactive: odoo }\n',
};

const removals: (() => void)[] = [];
afterEach(() => {
  for (const remove of removals.splice(0)) remove();
});

/** A configuration directory with these files laid over the base; undefined takes one away. */
function layOut(changes: Record<string, string | undefined> = {}): string {
  const files = Object.entries({ ...base, ...changes }).filter(([, text]) => text !== undefined);
  const { directory, remove } = writeFiles(Object.fromEntries(files));
  removals.push(remove);
  return directory;
}

function load(directory: string, env: Record<string, string> = {}): Loaded {
  return loadConfiguration(directory, { env, nowMs });
}

function versionOf(changes: Record<string, string | undefined> = {}, env: Record<string, string> = {}) {
  const { configuration, problems } = load(layOut(changes), env);
  expect(problems).toEqual([]);
  return configuration?.snapshot.version;
}

/** Where the problems are, each as `file key`. */
function placesOf(changes: Record<string, string | undefined>): string[] {
  return load(layOut(changes)).problems.map(({ file, path }) => `${file} ${path}`.trim());
}

describe('the version of a configuration', () => {
  it('is a short hash, the same wherever and whenever the files are loaded', () => {
    const version = versionOf();
    expect(version).toMatch(/^[0-9a-f]{12}$/);
    expect(versionOf()).toBe(version);
  });

  const withKey = (key: string) => ({
    'tenants.yaml': `tenants:\n  - { id: acme, database: acme, odooApiKey: "${key}" }\n`,
  });

  it.each<[string, Record<string, string | undefined>]>([
    ['a value', { 'pools.yaml': base['pools.yaml'].replace('seats: 4', 'seats: 5') }],
    ['a comment', { 'gateway.yaml': `${base['gateway.yaml']}# changed\n` }],
    ['the name of a file', { 'zones/staff.yaml': undefined, 'zones/people.yaml': base['zones/staff.yaml'] }],
    ['another file', { 'identities.yaml': 'issuers: []\n' }],
    ['a file less', { 'tenants.yaml': undefined }],
    [
      'what moved from one file to another',
      { 'tenants.yaml': undefined, 'tenants/a.yaml': base['tenants.yaml'] },
    ],
  ])('changes with %s', (_title, changes) => {
    expect(versionOf(changes)).not.toBe(versionOf());
  });

  it('does not tell secrets apart: it goes into logs and metrics', () => {
    const changes = withKey('${env:ODOO_KEY}');
    expect(versionOf(changes, { ODOO_KEY: 'a' })).toBe(versionOf(changes, { ODOO_KEY: 'b' }));
  });

  it('leaves out files that are not part of the configuration', () => {
    expect(versionOf({ 'README.md': 'x', 'zones/.staff.yaml.swp': 'x', '.git.yaml': 'x' })).toBe(versionOf());
  });
});

describe('the files to watch', () => {
  const watched = (directory: string, { files }: Loaded) =>
    files.map((file) => file.replace(directory, '.')).toSorted();

  it('are the directory, its folders, each file of the configuration and each secret file', () => {
    const directory = layOut({
      'tenants.yaml':
        'tenants:\n  - { id: acme, database: acme, odooApiKey: "${file:secrets/key}" }\n' +
        '  - { id: globex, database: globex, odooApiKey: "${file:secrets/key}" }\n',
      'secrets/key': 'k\n',
    });
    const loaded = load(directory);
    expect(loaded.problems).toEqual([]);
    expect(watched(directory, loaded)).toEqual([
      '.',
      './gateway.yaml',
      './pools.yaml',
      './secrets/key',
      './tenants',
      './tenants.yaml',
      './zones',
      './zones/staff.yaml',
    ]);
  });

  it('include those that were looked for and not found', () => {
    const directory = layOut({
      'gateway.yaml': undefined,
      'tenants.yaml': 'tenants: [{ id: acme, database: acme, odooApiKey: "${file:secrets/gone}" }]\n',
    });
    expect(watched(directory, load(directory))).toEqual([
      '.',
      './gateway.yaml',
      './pools.yaml',
      './secrets/gone',
      './tenants',
      './tenants.yaml',
      './zones',
      './zones/staff.yaml',
    ]);
  });

  it('include a file that does not read, so that its repair is seen', () => {
    const directory = layOut({ 'zones/broken.yaml': 'zone: [\n' });
    expect(watched(directory, load(directory))).toContain('./zones/broken.yaml');
  });
});

describe('a directory that is not there', () => {
  it('is one problem, and is watched for', () => {
    const directory = join(layOut(), 'none');
    const { configuration, problems, files } = load(directory);
    expect(configuration).toBeUndefined();
    expect(renderProblems(problems)).toBe(
      `.:1:1  The configuration directory "${directory}" cannot be read. ` +
        'There would be no rule, so no request could pass. ' +
        'Name a directory with gateway.yaml, pools.yaml and zones/ by --config.\n1 problem in 1 file',
    );
    expect(files).toEqual([directory, join(directory, 'zones'), join(directory, 'tenants')]);
  });

  it('is found once it is there', () => {
    const directory = layOut();
    rmSync(directory, { recursive: true });
    expect(load(directory).configuration).toBeUndefined();
    mkdirSync(join(directory, 'zones'), { recursive: true });
    for (const [file, text] of Object.entries(base)) writeFileSync(join(directory, file), text);
    expect(load(directory).problems).toEqual([]);
  });
});

// Whoever repairs one file should not be told about others that are right.
describe('one mistake is told once, where it is:', () => {
  const byToken = base['zones/staff.yaml'].replace(
    'identify: none',
    'identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }',
  );
  const issuer = '{ name: keycloak, issuer: "https://id.example" }';

  it.each<[string, Record<string, string | undefined>, string[]]>([
    [
      'zones are not blamed for pools that do not read',
      { 'pools.yaml': 'pools: [{ name: odoo }]\n' },
      ['pools.yaml pools[0].endpoints'],
    ],
    [
      'zones are not blamed for a pool that is wrong in itself',
      { 'pools.yaml': base['pools.yaml'] + base['pools.yaml'].replace('pools:\n', '') },
      ['pools.yaml pools[1].name'],
    ],
    [
      'zones are not blamed for a pool that is left out because its only endpoint has no host',
      { 'pools.yaml': base['pools.yaml'].replace('127.0.0.1:8069', '') },
      ['pools.yaml pools[0].endpoints[0].url'],
    ],
    ['zones are not blamed for pools that are not there', { 'pools.yaml': undefined }, ['pools.yaml']],
    [
      'zones are not blamed for identities that do not read',
      { 'zones/staff.yaml': byToken, 'identities.yaml': 'issuers: [{ name: keycloak }]\n' },
      ['identities.yaml issuers[0].issuer'],
    ],
    [
      'zones are not blamed for an issuer that is there twice',
      { 'zones/staff.yaml': byToken, 'identities.yaml': `issuers: [${issuer}, ${issuer}]\n` },
      ['identities.yaml issuers[1].name', 'identities.yaml issuers[1].issuer'],
    ],
    [
      'a zone is blamed for an issuer where there are no identities',
      { 'zones/staff.yaml': byToken },
      ['zones/staff.yaml identify.any[0].jwt.issuer'],
    ],
    [
      'a zone is not blamed for overriding one that does not read',
      {
        'zones/staff.yaml': `${base['zones/staff.yaml']}overrides: [admin]\n`,
        'zones/admin.yaml': 'zone: admin\n',
      },
      ['zones/admin.yaml identify', 'zones/admin.yaml match', 'zones/admin.yaml pools'],
    ],
    [
      'a zone is blamed for overriding one that does not exist',
      { 'zones/staff.yaml': `${base['zones/staff.yaml']}overrides: [admin]\n` },
      ['zones/staff.yaml overrides[0]'],
    ],
    [
      'a zone that is there twice is blamed in its second file',
      { 'zones/xtra.yaml': base['zones/staff.yaml'] },
      ['zones/xtra.yaml zone'],
    ],
    [
      'a tenant that is there twice is blamed in its second file',
      { 'tenants/one.yaml': 'tenants: []\n', 'tenants/two.yaml': 'tenants: [{ id: acme, database: b }]\n' },
      ['tenants/two.yaml tenants[0].id'],
    ],
    [
      'a rule with a mistake is told beside a mistake in form',
      { 'zones/staff.yaml': base['zones/staff.yaml'].replace('Host(', 'Hst(').replace('none', 'nobody') },
      ['zones/staff.yaml match', 'zones/staff.yaml identify'],
    ],
    ['a directory without zones', { 'zones/staff.yaml': undefined }, ['zones']],
  ])('%s', (_title, changes, places) => {
    expect(placesOf(changes)).toEqual(places);
  });
});

describe('the policy tests of a configuration', () => {
  it('stand with their zone and place, in the order of the files', () => {
    const tests = (names: string[]) =>
      `tests:\n${names.map((name) => `  - { name: ${name}, request: "GET https://a.example/", expect: {} }\n`).join('')}`;
    const { configuration, problems } = load(
      layOut({
        'zones/staff.yaml': base['zones/staff.yaml'] + tests(['one', 'two']),
        'zones/admin.yaml':
          'zone: admin\nmatch: Host(`admin.test`)\nidentify: none\npools: { interactive: odoo }\n' +
          tests(['three']),
      }),
    );
    expect(problems).toEqual([]);
    expect(configuration?.tests.map(({ test, zone, at }) => [test.name, zone, at])).toEqual([
      ['three', 'admin', 'zones/admin.yaml:6:5'],
      ['one', 'staff', 'zones/staff.yaml:7:5'],
      ['two', 'staff', 'zones/staff.yaml:8:5'],
    ]);
  });
});
