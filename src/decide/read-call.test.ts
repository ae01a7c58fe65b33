import { describe, expect, it } from 'vitest';
import { type Asked, openScene } from '../../test/support/decision-scene.ts';
import type { BodyReading } from '../core/request-head.ts';
import { decisionJson } from './decision-json.ts';

const zone = (name: string, more = ''): string => `zone: ${name}
match: Host(\`{tenant}.${name}.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: people, batch: machines }
${more}`;
const scene = openScene({
  plain: zone('plain'),
  listed: zone('listed', 'allow: { odoo: [{ model: stock.picking, methods: [read] }] }\n'),
  lax: zone('lax', 'odoo: { unreadable: pass, maxBody: 1KiB }\n'),
  small: zone('small', 'odoo: { maxBody: 1KiB }\n'),
  managed: zone('managed', 'odoo: { databaseManager: pass, debug: pass }\n'),
  asked: zone('asked').replace('from: [host]', 'from: [host, odoo.db]'),
  'by-database':
    'zone: by-database\nmatch: Host(`rpc.example`)\nidentify: none\ntenant: { from: [odoo.db] }\npools: { interactive: people, batch: machines }\n',
  alone:
    'zone: alone\nmatch: Host(`alone.example`)\nidentify: none\nodoo: { databaseManager: pass }\npools: { interactive: people, batch: machines }\n',
});

const rpc = (service: string, method: string, ...args: unknown[]) => ({ params: { service, method, args } });
const read = (database: string) =>
  rpc('object', 'execute_kw', database, 7, 'key', 'stock.picking', 'read', [[1]]);
const kw = (model: string, method: string, ...args: unknown[]) => ({ params: { model, method, args } });
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** A surface that has no body to give. */
const unseen: Asked = { head: { body: undefined } };

function verdict(request: string, asked: Asked = {}): string {
  const { decision, reason, at, workload } = scene.ask(request, asked);
  return decision === 'allow' ? `allow ${workload}` : `${reason} ${at}`;
}

describe('a call whose body has to be known', () => {
  it.each<[string, string, Asked, string]>([
    [
      'passes in the database of its tenant',
      'POST https://acme.plain.example/jsonrpc',
      { body: read('acme_db') },
      'allow interactive',
    ],
    [
      "is refused in another tenant's",
      'POST https://acme.plain.example/jsonrpc',
      { body: read('globex_db') },
      'tenant_mismatch zones/plain.yaml:4:9',
    ],
    [
      'is refused in one of nobody',
      'POST https://acme.plain.example/de/jsonrpc',
      { body: read('other') },
      'tenant_mismatch zones/plain.yaml:4:9',
    ],
    [
      'names a tenant where the zone asks for it',
      'POST https://acme.asked.example/jsonrpc',
      { body: read('other') },
      'tenant_unknown zones/asked.yaml:4:9',
    ],
    [
      'is refused when it logs in at another database',
      'POST https://acme.plain.example/xmlrpc/2/common',
      {
        body: '<methodCall><methodName>login</methodName><params><param><value>globex_db</value></param><param><value>u</value></param></params></methodCall>',
      },
      'tenant_mismatch zones/plain.yaml:4:9',
    ],
    [
      'is refused when it is ambiguous',
      'POST https://acme.plain.example/jsonrpc',
      { body: '{"params":{},"params":{}}' },
      'odoo_call_unreadable zones/plain.yaml:1:1',
    ],
    [
      'is refused when it is not there',
      'POST https://acme.plain.example/jsonrpc',
      {},
      'odoo_call_unreadable zones/plain.yaml:1:1',
    ],
    [
      'is refused when it is too large to be read',
      'POST https://acme.small.example/jsonrpc',
      { body: JSON.stringify(read('acme_db')).padEnd(1025) },
      'odoo_call_unreadable zones/small.yaml:6:18',
    ],
    [
      'is refused where the body is not seen',
      'POST https://acme.plain.example/jsonrpc',
      unseen,
      'odoo_call_unreadable zones/plain.yaml:1:1',
    ],
    [
      'passes unread where the zone says so',
      'POST https://acme.lax.example/jsonrpc',
      { body: '{"params":{},"params":{}}' },
      'allow batch',
    ],
    [
      'passes unseen where the zone says so',
      'POST https://acme.lax.example/jsonrpc',
      unseen,
      'allow interactive',
    ],
    [
      'need not be known where no tenant could be mistaken',
      'POST https://alone.example/jsonrpc',
      unseen,
      'allow interactive',
    ],
    [
      'of the web client passes when the list has it, whatever its URL says',
      'POST https://acme.listed.example/web/dataset/call_kw/res.users/write',
      { body: kw('stock.picking', 'read', [1]) },
      'allow interactive',
    ],
    [
      'of the web client is refused when the list has it not, whatever its URL says',
      'POST https://acme.listed.example/web/dataset/call_kw/stock.picking/read',
      { body: kw('res.users', 'write', [1]) },
      'odoo_method_not_allowed zones/listed.yaml:6:16',
    ],
    [
      'of the web client is refused unread where there is a list',
      'POST https://acme.listed.example/web/dataset/call_kw/stock.picking/read',
      { body: '{' },
      'odoo_call_unreadable zones/listed.yaml:1:1',
    ],
    [
      'by GET is judged like any other',
      'GET https://acme.listed.example/web/dataset/call_kw',
      { body: kw('res.users', 'write', [1]) },
      'odoo_method_not_allowed zones/listed.yaml:6:16',
    ],
  ])('%s', (_title, request, asked, expected) => {
    expect(verdict(request, asked)).toBe(expected);
  });
});

it('a call may be all that names its tenant', () => {
  const asked = (database: string) => scene.ask('POST https://rpc.example/jsonrpc', { body: read(database) });
  expect([asked('acme_db').tenant, asked('globex_db').tenant, asked('other').reason]).toEqual([
    'acme',
    'globex',
    'tenant_unknown',
  ]);
  expect(scene.ask('POST https://rpc.example/web').reason).toBe('tenant_missing');
});

describe('a call whose size tells its class', () => {
  it.each<[string, string, Asked, string]>([
    [
      'of one record',
      '/web/dataset/call_kw',
      { body: kw('stock.picking', 'button_validate', [1]) },
      'allow interactive',
    ],
    [
      'of many records',
      '/web/dataset/call_kw',
      { body: kw('stock.picking', 'button_validate', [1, 2, 3, 4, 5, 6]) },
      'allow batch',
    ],
    ['that is ambiguous', '/web/dataset/call_kw', { body: '{"params":' }, 'allow batch'],
    ['without a body', '/web/dataset/call_kw', {}, 'allow interactive'],
    ['that is not seen', '/web/dataset/call_kw', unseen, 'allow interactive'],
    [
      'by JSON-2 with a limit',
      '/json/2/stock.move/search_read',
      { body: { limit: 80 } },
      'allow interactive',
    ],
    ['by JSON-2 without a limit', '/json/2/stock.move/search_read', { body: { domain: [] } }, 'allow batch'],
    ['by JSON-2 that is not seen', '/json/2/stock.move/search_read', unseen, 'allow interactive'],
    ['by JSON-2 that is ambiguous', '/json/2/stock.move/search_read', { body: '[' }, 'allow batch'],
  ])('%s', (_title, path, asked, expected) => {
    expect(verdict(`POST https://acme.plain.example${path}`, asked)).toBe(expected);
  });

  it('too large to be read is batch work', () => {
    const body = JSON.stringify(kw('stock.picking', 'button_validate', [1])).padEnd(2000);
    expect(verdict('POST https://acme.small.example/web/dataset/call_kw', { body })).toBe('allow batch');
  });
});

describe('a login', () => {
  it.each<[string, string, Asked, string]>([
    [
      'at the database of its tenant',
      '/web/login',
      { headers: form, body: 'login=a&db=acme_db' },
      'allow interactive',
    ],
    ['at no database', '/web/login', { headers: form, body: 'login=a' }, 'allow interactive'],
    [
      'at the database of another tenant',
      '/web/login',
      { headers: form, body: 'login=a&db=globex_db' },
      'tenant_mismatch zones/plain.yaml:4:9',
    ],
    [
      'at two databases',
      '/web/login',
      { headers: form, body: 'db=acme_db&db=globex_db' },
      'odoo_call_unreadable zones/plain.yaml:1:1',
    ],
    ['that is not seen, of which Odoo looks at the database', '/web/login', unseen, 'allow interactive'],
    [
      'as JSON, at the database of another tenant',
      '/web/session/authenticate',
      { body: { params: { db: 'globex_db', login: 'a', password: 'x' } } },
      'tenant_mismatch zones/plain.yaml:4:9',
    ],
  ])('%s', (_title, path, asked, expected) => {
    expect(verdict(`POST https://acme.plain.example${path}`, asked)).toBe(expected);
  });
});

describe('a database', () => {
  it.each<[string, Asked, string]>([
    ['GET https://acme.plain.example/web?db=acme_db', {}, 'allow interactive'],
    ['GET https://acme.plain.example/web?db=globex_db', {}, 'tenant_mismatch zones/plain.yaml:4:9'],
    ['GET https://acme.plain.example/web?d%62=globex_db', {}, 'tenant_mismatch zones/plain.yaml:4:9'],
    [
      'GET https://acme.plain.example/web?db=acme_db&db=globex_db',
      {},
      'tenant_mismatch zones/plain.yaml:4:9',
    ],
    ['GET https://acme.plain.example/web?db=', {}, 'allow interactive'],
    ['GET https://alone.example/web?db=globex_db', {}, 'allow interactive'],
  ])('in %s: %s', (request, asked, expected) => {
    expect(verdict(request, asked)).toBe(expected);
  });

  it("in a field that is not the tenant's is refused though the zone does not ask for one", () => {
    const headers = { 'X-Odoo-Database': 'globex_db' };
    expect(verdict('GET https://acme.plain.example/web', { headers })).toBe(
      'tenant_mismatch zones/plain.yaml:4:9',
    );
  });
});

describe("Odoo's database manager", () => {
  const closed = 'odoo_method_not_allowed zones/plain.yaml:1:1';

  it.each<[string, Asked]>([
    ['GET https://acme.plain.example/web/database/manager', {}],
    ['POST https://acme.plain.example/de/web/database/drop', {}],
    ['POST https://acme.plain.example/jsonrpc', { body: rpc('db', 'list') }],
    [
      'POST https://acme.plain.example/xmlrpc/2/db',
      { body: '<methodCall><methodName>list</methodName></methodCall>' },
    ],
  ])('is closed: %s', (request, asked) => {
    expect(verdict(request, asked)).toBe(closed);
    expect(verdict(request.replace('plain', 'managed'), asked)).toBe('allow interactive');
  });
});

describe('the debug parameter', () => {
  const query = (request: string, asked: Asked = {}) => {
    const decided = scene.live(request, asked);
    if (decided instanceof Promise) throw new TypeError('"decide" had to wait');
    const { decision, inquiry } = decided;
    return decision.decision === 'allow' ? inquiry.known.query : decision.refusal;
  };

  it.each<[string, string | undefined]>([
    ['GET https://acme.plain.example/web?debug=1', undefined],
    ['GET https://acme.plain.example/web?a=1&d%65bug=assets&b=%20', 'a=1&b=%20'],
    ['GET https://acme.plain.example/web?a=debug', 'a=debug'],
    ['GET https://acme.managed.example/web?debug=1', 'debug=1'],
  ])('of %s: Odoo gets %j', (request, left) => {
    expect(query(request)).toBe(left);
  });

  it('is refused where it cannot be removed', () => {
    const head = { forwardedByPeer: true };
    expect(query('GET https://acme.plain.example/web?debug=1', { head })).toEqual({
      reason: 'parameter_not_allowed',
      at: 'zones/plain.yaml:1:1',
      detail: 'The parameter debug is not allowed here.',
    });
    expect(query('GET https://acme.managed.example/web?debug=1', { head })).toBe('debug=1');
  });
});

describe('a body that comes later', () => {
  const late = (reading: BodyReading): Asked => ({
    head: { body: { read: () => new Promise((resolve) => setImmediate(resolve, reading)) } },
  });
  const request = 'POST https://acme.plain.example/jsonrpc';

  it.each<[string, BodyReading, string | null]>([
    ['is waited for', Buffer.from(JSON.stringify(read('acme_db'))), null],
    ['that names another database', Buffer.from(JSON.stringify(read('globex_db'))), 'tenant_mismatch'],
    ['that stalls', 'body_timeout', 'body_timeout'],
    ['for which there is no room', 'spool_full', 'spool_full'],
    ['whose client goes away', 'client_gone', 'client_gone'],
  ])('%s', async (_title, reading, reason) => {
    const decided = scene.live(request, late(reading));
    expect(decided).toBeInstanceOf(Promise);
    expect(decisionJson((await decided).decision).reason).toBe(reason);
  });

  it('is not asked for where nothing depends on it', () => {
    for (const path of [
      '/odoo',
      '/web/static/a.css',
      '/json/2/stock.picking/name_get',
      '/web/content/1',
      '/de/odoo',
    ])
      expect(scene.live(`POST https://acme.plain.example${path}`, late('body_timeout'))).not.toBeInstanceOf(
        Promise,
      );
  });
});

it('tells in the trace what was read', () => {
  const body = rpc('object', 'execute_kw', 'acme_db', 7, 'key', 'sale.order', 'search_read', [[]], {
    limit: 9,
  });
  const { trace, odoo } = scene.ask('POST https://acme.plain.example/jsonrpc', { body });
  expect(trace.find(({ stage }) => stage === 'read')).toEqual({
    stage: 'read',
    outcome: 'sale.order search_read',
    at: '',
    note: 'json-rpc, database acme_db, limit 9',
  });
  expect(odoo).toEqual({
    protocol: 'json-rpc',
    service: 'object',
    model: 'sale.order',
    method: 'search_read',
    database: 'acme_db',
    login: 'uid:7',
    records: null,
    limit: 9,
  });
  expect(JSON.stringify(scene.ask('POST https://acme.plain.example/jsonrpc', { body }))).not.toContain('key');
});
