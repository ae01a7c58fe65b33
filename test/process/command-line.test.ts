import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runBulkhead } from '../support/gateway-process.ts';
import { exampleDirectory, writeFiles } from '../support/test-gateway.ts';

const base = join(import.meta.dirname, '../config/base');
const baseFiles = Object.fromEntries(
  ['gateway.yaml', 'identities.yaml', 'pools.yaml', 'tenants.yaml', 'zones/partner.yaml'].map((file) => [
    file,
    readFileSync(join(base, file), 'utf8'),
  ]),
);
const partnerCall = 'POST https://acme.partner.erp.example/json/2/stock.picking/read';
const partner = '{"jwt":{"sub":"edi-acme","scope":"edi.write","tenant":"acme"}}';

describe('bulkhead check', () => {
  it('accepts the example configuration and counts what is in it', async () => {
    const { code, out, err } = await runBulkhead(['check', '--config', exampleDirectory]);
    expect(out).toMatch(/ is valid: 5 zones, 3 tenants, 3 pools, \d+ policy tests; version [0-9a-f]{12}\n$/);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it('prints every problem of a broken one and answers 1', async () => {
    const files = writeFiles({ ...baseFiles, 'pools.yaml': 'pools: []\n', 'tenants.yaml': 'tenants: {}\n' });
    const { code, out } = await runBulkhead(['check', '--config', files.directory]);
    files.remove();
    expect(out).toBe(
      'pools.yaml:1:8  pools: "[]" is not a list with at least one pool. No zone could forward a request. ' +
        'Add a pool such as { name: odoo, endpoints: [{ url: http://odoo-1:8069, seats: 6 }] }.\n' +
        'tenants.yaml:1:10  tenants: "tenants" is a mapping, but must be a list. The gateway would not know what to apply. ' +
        'Write a list: one entry per line, each starting with "- ". The customers whose databases stand behind this gateway.\n' +
        '2 problems in 2 files\n',
    );
    expect(code).toBe(1);
  });

  it('answers 64 to an option that it does not know', async () => {
    const { code, err } = await runBulkhead(['check', '--configg', 'x']);
    expect(code).toBe(64);
    expect(err).toMatch(/^bulkhead: Unknown option '--configg'/);
  });
});

describe('bulkhead explain', () => {
  it('prints the decision object of an allowed request', async () => {
    const { code, out } = await runBulkhead([
      'explain',
      '--config',
      exampleDirectory,
      '--json',
      '--at',
      '2026-11-22T12:00Z',
      '--as',
      partner,
      ...partnerCall.split(' '),
    ]);
    const full = {
      kind: 'rate',
      cost: 1,
      shadow: false,
      admitted: true,
      figures: 'default',
      windowEnds: null,
    };
    const { trace, ...decision } = JSON.parse(out) as { trace: { stage: string }[] };
    expect(code).toBe(0);
    expect(decision).toEqual({
      decision: 'allow',
      reason: null,
      status: null,
      at: 'zones/partner.yaml:6:8',
      zone: 'partner',
      principal: { kind: 'jwt', subject: 'edi-acme', issuer: 'keycloak' },
      tenant: 'acme',
      workload: 'interactive',
      class: 'interactive',
      pool: 'odoo-interactive',
      odoo: {
        protocol: 'json-2',
        service: 'object',
        model: 'stock.picking',
        method: 'read',
        database: 'acme',
        login: null,
        records: null,
        limit: null,
      },
      limits: [
        { ...full, name: 'partner-rate', key: 'acme', remaining: 100, at: 'zones/partner.yaml:16:5' },
        {
          ...full,
          name: 'partner-daily',
          kind: 'quota',
          key: 'acme',
          remaining: 200_000,
          windowEnds: '2026-11-22T23:00:00.000Z',
          at: 'zones/partner.yaml:18:5',
        },
        { ...full, name: 'client-rate', key: 'acme/edi-acme', remaining: 10, at: 'zones/partner.yaml:19:5' },
        {
          ...full,
          name: 'tighter-soon',
          key: 'acme',
          remaining: 5,
          shadow: true,
          at: 'zones/partner.yaml:27:5',
        },
        {
          ...full,
          name: 'parallel',
          kind: 'inFlight',
          key: 'acme',
          remaining: 8,
          at: 'zones/partner.yaml:29:5',
        },
      ],
    });
    expect(trace.map((step) => step.stage)).toEqual([
      'canonicalise',
      'zone',
      'address',
      'identify',
      'read',
      'tenant',
      'authorise',
      'workload',
      ...Array<string>(5).fill('limit'),
      'route',
    ]);
  });

  it('names the line that refuses', async () => {
    const request = ['POST', 'https://acme.partner.erp.example/json/2/res.users/write'];
    const { code, out } = await runBulkhead([
      'explain',
      '--config',
      exampleDirectory,
      '--as',
      partner,
      ...request,
    ]);
    expect(code).toBe(0);
    expect(out).toContain(
      'REFUSE 403 odoo_method_not_allowed: This Odoo model and method are not allowed here.\n  at         zones/partner.yaml:13:5\n',
    );
  });

  it('asks about another time, on the command line and in a batch', async () => {
    const order = 'GET https://acme.api.erp.example/my/orders/17';
    const explain = ['explain', '--config', exampleDirectory];
    const one = await runBulkhead([...explain, '--at', '2026-12-30T10:00+01:00', ...order.split(' ')]);
    expect(one.out).toContain(
      '  limit      public-tenant of acme: costs 1, 40 left, figures: default, stocktaking\n',
    );
    const files = writeFiles({});
    const batch = join(files.directory, 'times.ndjson');
    const times = ['2026-12-29T05:59+01:00', '2026-12-29T06:00+01:00', '2026-12-31T21:00Z'];
    writeFileSync(batch, times.map((at) => JSON.stringify({ request: order, at })).join('\n'));
    const { out } = await runBulkhead([...explain, '--batch', batch]);
    files.remove();
    const answers = out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { limits: { name: string; figures: string }[] }).limits);
    expect(answers.map((limits) => limits.find(({ name }) => name === 'public-tenant')?.figures)).toEqual([
      'default',
      'default, stocktaking',
      'default',
    ]);
    const wrong = await runBulkhead([...explain, '--at', 'noon', ...order.split(' ')]);
    expect(wrong.code).toBe(64);
    expect(wrong.err).toMatch(/^bulkhead: "at" must be a date and time with its distance from UTC, such as /);
  });

  it('answers a batch line by line, in order, and goes on after a line that does not read', async () => {
    const files = writeFiles({});
    const batch = join(files.directory, 'requests.ndjson');
    writeFileSync(
      batch,
      [
        `{"request":"${partnerCall}","as":${partner}}`,
        '{"request":"somewhere"}',
        '{"request":"GET https://acme.erp.example/odoo","from":"198.51.100.9"}',
      ].join('\n'),
    );
    const { code, out } = await runBulkhead(['explain', '--config', exampleDirectory, '--batch', batch]);
    files.remove();
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ decision, reason, error }) => ({ decision, reason, error }))).toEqual([
      { decision: 'allow', reason: null, error: undefined },
      {
        decision: undefined,
        reason: undefined,
        error:
          '"request" must be METHOD URL with an absolute URL, such as GET https://acme.erp.example/odoo.',
      },
      { decision: 'refuse', reason: 'address_not_allowed', error: undefined },
    ]);
    expect(code).toBe(1);
  });

  it('judges a spelling as it is written', async () => {
    const { out } = await runBulkhead([
      'explain',
      '--config',
      exampleDirectory,
      '--from',
      '10.20.0.7',
      '--json',
      'GET',
      'https://acme.erp.example/web/%2e%2e/database',
    ]);
    expect(JSON.parse(out)).toMatchObject({
      decision: 'refuse',
      reason: 'path_ambiguous',
      status: 400,
      at: '',
    });
  });

  it('answers 64 without a request', async () => {
    const { code, err } = await runBulkhead(['explain', '--config', exampleDirectory]);
    expect(code).toBe(64);
    expect(err).toMatch(/^bulkhead: explain needs METHOD URL, or --batch FILE\.ndjson\.\n/);
  });
});

describe('bulkhead test', () => {
  it('runs the policy tests of the example configuration', async () => {
    const { code, out } = await runBulkhead(['test', '--config', exampleDirectory]);
    expect(out).toMatch(/\n\d+ passed, 0 failed\n$/);
    expect(code).toBe(0);
  });

  it('says what differs in a test that fails, and where the test stands', async () => {
    const files = writeFiles({
      ...baseFiles,
      'zones/partner.yaml': `${baseFiles['zones/partner.yaml']}
tests:
  - name: nobody needs a token
    request: ${partnerCall}
    expect: { allow: true, pool: odoo-fast }
  - name: the budget is endless
    request: ${partnerCall}
    as: ${partner}
    repeat: 51
    expect: { allow: true, limits: [partner-rate, another] }
`,
    });
    const { code, out } = await runBulkhead(['test', '--config', files.directory]);
    files.remove();
    expect(out).toBe(
      'FAIL  partner: nobody needs a token (zones/partner.yaml:10:5)\n' +
        '      decision: expected allow, got refuse credentials_missing at zones/partner.yaml:3:11\n' +
        '      pool: expected odoo-fast, got none\n' +
        'FAIL  partner: the budget is endless (zones/partner.yaml:13:5)\n' +
        '      decision: expected allow, got refuse limit_exceeded at zones/partner.yaml:6:5\n' +
        '      limits: expected partner-rate, another, got partner-rate\n' +
        '0 passed, 2 failed\n',
    );
    expect(code).toBe(1);
  });
});

describe('bulkhead', () => {
  it('prints its usage when it is asked', async () => {
    const { code, out } = await runBulkhead(['help']);
    expect(out).toMatch(/^bulkhead: ingress segmentation gateway for Odoo\n/);
    expect(code).toBe(0);
  });

  it('answers 64 to a command that does not exist', async () => {
    const { code, err } = await runBulkhead(['server']);
    expect(err).toMatch(/^bulkhead: there is no command "server"\.\n/);
    expect(code).toBe(64);
  });
});
