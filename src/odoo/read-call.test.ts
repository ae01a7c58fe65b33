import { describe, expect, it } from 'vitest';
import { factsOf } from '../../test/support/facts.ts';
import type { Facts, OdooCall } from '../core/facts.ts';
import { readCall, readJson2Path, readUid, xmlRpcService, type CallRoute } from './read-call.ts';

const read = (
  route: CallRoute,
  path: string,
  body: unknown,
  changes: Partial<Facts> = {},
): OdooCall | undefined =>
  readCall(
    route,
    factsOf(path, changes),
    Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  );

const rpc = (service: string, method: string, ...args: unknown[]) => ({ params: { service, method, args } });
const execute = (...args: unknown[]) => rpc('object', 'execute_kw', ...args);

/** What most calls do not tell. */
const call = {
  service: 'object',
  database: undefined,
  login: undefined,
  sized: true,
  records: undefined,
  limit: undefined,
};

describe('a call of the web client', () => {
  const kw = (params: object) => ({ id: 7, jsonrpc: '2.0', method: 'call', params });
  const page = { model: 'stock.picking', method: 'web_search_read', args: [] };

  it.each<[string, object, Partial<OdooCall>]>([
    [
      'about one record',
      { model: 'stock.picking', method: 'button_validate', args: [[48211]], kwargs: { context: { uid: 8 } } },
      { model: 'stock.picking', method: 'button_validate', records: 1 },
    ],
    [
      'about a record without a list',
      { model: 'stock.picking', method: 'read', args: [7, ['name']], kwargs: {} },
      { model: 'stock.picking', method: 'read', records: 1 },
    ],
    [
      'that creates rows',
      { model: 'sale.order', method: 'create', args: [[{ name: 'a' }, { name: 'b' }]], kwargs: {} },
      { model: 'sale.order', method: 'create', records: 2 },
    ],
    [
      'with a domain, which is no list of records',
      { model: 'sale.order', method: 'search_count', args: [[['state', '=', 'sale'], '|']] },
      { model: 'sale.order', method: 'search_count' },
    ],
    [
      'with a limit by name',
      { ...page, kwargs: { limit: 80, domain: [] } },
      { model: 'stock.picking', method: 'web_search_read', limit: 80 },
    ],
    [
      'with a limit by place',
      { model: 'stock.picking', method: 'search_read', args: [[], ['name'], 0, 500], kwargs: {} },
      { model: 'stock.picking', method: 'search_read', limit: 500 },
    ],
    [
      'whose limit is none',
      { ...page, kwargs: { limit: 0 } },
      { model: 'stock.picking', method: 'web_search_read' },
    ],
    [
      'whose limit is false',
      { ...page, kwargs: { limit: false } },
      { model: 'stock.picking', method: 'web_search_read' },
    ],
    ['without arguments', { model: 'a', method: 'b' }, { model: 'a', method: 'b' }],
  ])('%s', (_title, params, told) => {
    // The URL is decoration: what it says does not count.
    expect(read('call-kw', '/web/dataset/call_kw/res.users/unlink', kw(params))).toEqual({
      ...call,
      protocol: 'web',
      ...told,
    });
  });

  it.each<[string, unknown]>([
    ['a model that is no text', kw({ model: 7, method: 'read' })],
    ['no method', kw({ model: 'sale.order' })],
    ['no params', { id: 1 }],
    ['params that are a list', kw([] as never)],
    ['a batch', [kw(page)]],
    ['no JSON', 'x=1'],
    ['nothing', ''],
    ['a model that stands twice', '{"params":{"model":"a","method":"b","model":"c"}}'],
    ['params that stand twice', '{"params":{"model":"a","method":"b"},"params":{"model":"c","method":"d"}}'],
    ['a model of a megabyte', kw({ model: 'x'.repeat(1000), method: 'read' })],
  ])('is not read from a body with %s', (_title, body) => {
    expect(read('call-kw', '/web/dataset/call_kw', body)).toBeUndefined();
  });
});

describe('a JSON-RPC call', () => {
  it.each<[string, object, Partial<OdooCall>]>([
    [
      'of a model',
      execute('nordfracht', 12, 'KEY', 'stock.picking', 'search_read', [[]], { limit: 1 }),
      { model: 'stock.picking', method: 'search_read', database: 'nordfracht', login: 'uid:12', limit: 1 },
    ],
    [
      'whose keys stand in another order',
      {
        params: {
          args: ['acme', '7', 'k', 'a.b', 'read', [[1, 2]]],
          method: 'execute_kw',
          service: 'object',
        },
      },
      { model: 'a.b', method: 'read', database: 'acme', login: 'uid:7', records: 2 },
    ],
    [
      'with arguments one behind the other',
      rpc('object', 'execute', 'acme', 7, 'k', 'a.b', 'read', [1, 2, 3], ['name']),
      { model: 'a.b', method: 'read', database: 'acme', login: 'uid:7', records: 3 },
    ],
    [
      'that logs in',
      rpc('common', 'authenticate', 'acme', 'ada', 'secret', {}),
      { service: 'common', model: '', method: 'authenticate', database: 'acme', login: 'ada' },
    ],
    [
      'that asks for the version',
      rpc('common', 'version'),
      { service: 'common', model: '', method: 'version' },
    ],
    [
      'that copies a database',
      rpc('db', 'dump', 'master', 'acme', 'zip'),
      { service: 'db', model: '', method: 'dump' },
    ],
  ])('%s', (_title, body, told) => {
    expect(read('json-rpc', '/jsonrpc', body)).toEqual({ ...call, protocol: 'json-rpc', ...told });
  });

  it.each<[string, unknown]>([
    ['another method than Odoo has', rpc('object', 'executes', 'acme', 7, 'k', 'a.b', 'read')],
    ['another service than Odoo has', rpc('report', 'render')],
    ['a database that is no text', execute(7, 7, 'k', 'a.b', 'read')],
    ['a login in no database', rpc('common', 'login', false, 'ada', 'x')],
    ['too few arguments', execute('acme', 7, 'k', 'a.b')],
    [
      'a text that Python would take apart',
      { params: { service: 'object', method: 'execute', args: 'abcde' } },
    ],
    [
      'a mapping that Python would take apart',
      { params: { service: 'object', method: 'execute', args: { acme: 1 } } },
    ],
  ])('is not read from a body with %s', (_title, body) => {
    expect(read('json-rpc', '/jsonrpc', body)).toBeUndefined();
  });
});

describe('an XML-RPC call', () => {
  const xml = (method: string, ...values: string[]): string =>
    `<methodCall><methodName>${method}</methodName><params>${values
      .map((value) => `<param><value>${value}</value></param>`)
      .join('')}</params></methodCall>`;

  it('of a model', () => {
    const ids =
      '<array><data><value><array><data><value><int>5512</int></value></data></array></value></data></array>';
    const body = xml('execute_kw', 'alpenlog', '<int>17</int>', 'KEY', 'stock.picking', 'read', ids);
    expect(read('xml-rpc', '/de/xmlrpc/2/object', body)).toEqual({
      ...call,
      protocol: 'xml-rpc',
      model: 'stock.picking',
      method: 'read',
      database: 'alpenlog',
      login: 'uid:17',
      records: 1,
    });
  });

  it('of a service that there is not is not read', () => {
    expect(read('xml-rpc', '/xmlrpc/2/report', xml('render'))).toBeUndefined();
  });

  it.each([
    ['/xmlrpc/2/common', 'common'],
    ['/de/xmlrpc/object/', 'object'],
    ['/xmlrpc/db', 'db'],
    ['/xmlrpc/2/', ''],
    ['/xmlrpc/2/a/b', ''],
  ])('on %s is for the service %j', (path, service) => {
    expect(xmlRpcService(path)).toBe(service);
  });
});

describe('a JSON-2 call', () => {
  it.each<[string, unknown, Partial<OdooCall> | undefined]>([
    ['with ids', { ids: [1, 2, 3] }, { records: 3 }],
    ['with rows', { vals_list: [{}, {}] }, { records: 2 }],
    ['with a limit', { domain: [], limit: 5 }, { limit: 5 }],
    ['without a body', '', {}],
    ['with ids that stand twice', '{"ids":[1],"ids":[2]}', undefined],
    ['with a list', [], undefined],
  ])('%s', (_title, body, told) => {
    expect(read('json-2', '/de/json/2/stock.picking/read', body)).toEqual(
      told && { ...call, protocol: 'json-2', model: 'stock.picking', method: 'read', ...told },
    );
  });

  it('is found behind a website language', () => {
    expect(readJson2Path('/de/json/2/a.b/read')).toMatchObject({ model: 'a.b', method: 'read' });
    expect(readJson2Path('/a/b/json/2/a.b/read')).toBeUndefined();
  });
});

describe('a login', () => {
  const login = { ...call, protocol: 'web', service: 'common', model: '', method: 'authenticate' };

  it('by /web/session/authenticate', () => {
    const body = { params: { db: 'acme', login: 'ada', password: 'x' } };
    expect(read('web-session', '/web/session/authenticate', body)).toEqual({
      ...login,
      database: 'acme',
      login: 'ada',
    });
  });

  it.each<[string, string, Partial<Facts>, Partial<OdooCall> | undefined]>([
    ['in a form', 'csrf_token=x&login=ada&password=y', {}, { login: 'ada' }],
    ['that names a database', 'login=ada&db=globex', {}, { login: 'ada', database: 'globex' }],
    ['whose name stands in the query', '', { query: 'login=ada' }, { login: 'ada' }],
    ['that names two databases', 'db=acme&db=globex', {}, undefined],
    ['in a form in parts', '--x', { fields: ['content-type', 'multipart/form-data; boundary=x'] }, undefined],
  ])('by /web/login %s', (_title, body, changes, told) => {
    expect(read('web-login', '/web/login', body, changes)).toEqual(told && { ...login, ...told });
  });
});

it('a call in a large body is read like any other', () => {
  const body = execute('acme', 7, 'k', 'ir.attachment', 'create', [{ datas: 'x'.repeat(100_000) }]);
  expect(read('json-rpc', '/jsonrpc', body)).toEqual({
    ...call,
    protocol: 'json-rpc',
    model: 'ir.attachment',
    method: 'create',
    database: 'acme',
    login: 'uid:7',
    records: 1,
  });
});

describe('a user id', () => {
  it.each<[string | number | boolean | undefined, number | undefined]>([
    [7, 7],
    ['7', 7],
    [' 0_7 ', 7],
    [true, 1],
    [7.9, 7],
    ['', undefined],
    ['x', undefined],
    [undefined, undefined],
    [2 ** 60, undefined],
  ])('%j is %s', (value, uid) => {
    expect(readUid(value)).toBe(uid);
  });
});
