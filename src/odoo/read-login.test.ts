import { describe, expect, it } from 'vitest';
import type { LoginRoute } from './login-route.ts';
import { type LoginTry, readLogin } from './read-login.ts';

const read = (route: LoginRoute, body: string, path = '/', query?: string): LoginTry | undefined =>
  readLogin(route, { path, query, body: body === '' ? undefined : Buffer.from(body) });
const rpc = (service: string, method: string, args: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', method: 'call', id: 1, params: { service, method, args } });
const unknownAccount = { account: undefined, secret: undefined };

describe('the form of /web/login', () => {
  it.each<[string, string, string | undefined, Omit<LoginTry, 'kind'>]>([
    [
      'names account and password',
      'csrf_token=x&login=Alice%40example.com&password=a+b%26c',
      undefined,
      { account: { database: undefined, name: 'Alice@example.com' }, secret: 'a b&c' },
    ],
    [
      'counts with its first field of a name',
      'login=alice&login=bob&password=x',
      undefined,
      { account: { database: undefined, name: 'alice' }, secret: 'x' },
    ],
    [
      'may leave them to the query, which Odoo reads as well',
      'csrf_token=x',
      'login=alice&password=y',
      { account: { database: undefined, name: 'alice' }, secret: 'y' },
    ],
    [
      'stands above the query',
      'login=alice&password=x',
      'login=bob&password=y',
      { account: { database: undefined, name: 'alice' }, secret: 'x' },
    ],
    ['may name nobody', 'csrf_token=x', undefined, unknownAccount],
  ])('%s', (_title, body, query, expected) => {
    expect(read('web-login', body, '/web/login', query)).toEqual({ kind: 'login', ...expected });
  });

  it('of a second factor names nobody', () => {
    expect(read('web-totp', 'totp_token=123456')).toEqual({ kind: 'login', ...unknownAccount });
  });
});

describe('/web/session/authenticate', () => {
  it('names database, account and password', () => {
    const params = { db: 'acme', login: 'alice', password: 'x' };
    expect(read('web-session', JSON.stringify({ jsonrpc: '2.0', params }))).toEqual({
      kind: 'login',
      account: { database: 'acme', name: 'alice' },
      secret: 'x',
    });
  });

  it.each(['', '[]', '{"params":[]}', '{"params":{"login":7}}', '{"params":{"login":NaN}}'])(
    'names nobody in %s',
    (body) => {
      expect(read('web-session', body)).toEqual({ kind: 'login', ...unknownAccount });
    },
  );
});

describe('/jsonrpc', () => {
  it.each<[string, string, LoginTry | undefined]>([
    [
      'a login',
      rpc('common', 'login', ['acme', 'alice', 'x']),
      { kind: 'login', account: { database: 'acme', name: 'alice' }, secret: 'x' },
    ],
    [
      'an authentication',
      rpc('common', 'authenticate', ['acme', 'alice', 'x', {}]),
      { kind: 'login', account: { database: 'acme', name: 'alice' }, secret: 'x' },
    ],
    ['the version, which needs no password', rpc('common', 'version', []), undefined],
    [
      'a call',
      rpc('object', 'execute_kw', ['acme', 7, 'x', 'res.partner', 'read', [[1]]]),
      { kind: 'rpc', account: { database: 'acme', name: 'uid:7' }, secret: 'x' },
    ],
    [
      'a call with a user id that Python reads as 7',
      rpc('object', 'execute', ['acme', ' 0_0_7 ', 'x']),
      { kind: 'rpc', account: { database: 'acme', name: 'uid:7' }, secret: 'x' },
    ],
    [
      'a call with the user id 1 in disguise',
      rpc('object', 'execute', ['acme', true, 'x']),
      { kind: 'rpc', account: { database: 'acme', name: 'uid:1' }, secret: 'x' },
    ],
    [
      'a call of nobody',
      rpc('object', 'execute', ['acme', '', 'x']),
      { kind: 'rpc', account: undefined, secret: 'x' },
    ],
    ['the list of databases, which needs no password', rpc('db', 'list', []), undefined],
    [
      'a backup under the master password',
      rpc('db', 'dump', ['x', 'acme', 'zip']),
      { kind: 'rpc', ...unknownAccount },
    ],
    ['an unknown service', rpc('report', 'render', []), { kind: 'rpc', ...unknownAccount }],
    [
      'arguments that are a text, which Python would take apart',
      rpc('common', 'login', 'acme'),
      { kind: 'unknown', ...unknownAccount },
    ],
    ['a batch', '[{}]', { kind: 'unknown', ...unknownAccount }],
    ['no JSON', 'x=1', { kind: 'unknown', ...unknownAccount }],
    ['a body that is too large', '', { kind: 'unknown', ...unknownAccount }],
  ])('reads %s', (_title, body, expected) => {
    expect(read('json-rpc', body)).toEqual(expected);
  });

  it('chooses none of two equal keys', () => {
    const body = `{"params":{"service":"common","method":"login","args":["acme","bob","x"],"args":["acme","alice","y"]}}`;
    expect(read('json-rpc', body)).toEqual({ kind: 'unknown', ...unknownAccount });
  });
});

describe('XML-RPC', () => {
  const xml = (method: string, ...values: string[]): string =>
    `<methodCall><methodName>${method}</methodName><params>${values
      .map((value) => `<param><value>${value}</value></param>`)
      .join('')}</params></methodCall>`;

  it.each<[string, string, string, LoginTry | undefined]>([
    [
      'a login',
      '/xmlrpc/2/common',
      xml(
        'authenticate',
        '<string>acme</string>',
        '<string>alice</string>',
        '<string>x</string>',
        '<struct/>',
      ),
      { kind: 'login', account: { database: 'acme', name: 'alice' }, secret: 'x' },
    ],
    [
      'a call',
      '/xmlrpc/object',
      xml('execute_kw', 'acme', '<int>7</int>', 'x', '<string>res.partner</string>'),
      { kind: 'rpc', account: { database: 'acme', name: 'uid:7' }, secret: 'x' },
    ],
    ['the version', '/xmlrpc/2/common', xml('version'), undefined],
    ['the list of databases', '/xmlrpc/2/db', xml('list'), undefined],
    ['a login that is no XML', '/xmlrpc/2/common', '{}', { kind: 'login', ...unknownAccount }],
    ['a call that is no XML', '/xmlrpc/2/object', '{}', { kind: 'rpc', ...unknownAccount }],
    ['a backup', '/xmlrpc/db', xml('dump', 'master', 'acme'), { kind: 'rpc', ...unknownAccount }],
  ])('reads %s', (_title, path, body, expected) => {
    expect(read('xml-rpc', body, path)).toEqual(expected);
  });
});

it('JSON-2 names nobody: the key in its header is both account and secret', () => {
  expect(read('json-2', '{}')).toEqual({ kind: 'rpc', ...unknownAccount });
});
