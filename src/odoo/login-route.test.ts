import { describe, expect, it } from 'vitest';
import { factsOf } from '../../test/support/facts.ts';
import { findLoginRoute } from './login-route.ts';
import { xmlRpcService } from './read-call.ts';

describe('a route on which a secret is tried', () => {
  it.each([
    ['/web/login', 'web-login'],
    ['/web/login/', 'web-login'],
    ['/de/web/login', 'web-login'],
    ['/sr@latin/web/login', 'web-login'],
    ['/web/login/totp', 'web-totp'],
    ['/web/session/authenticate', 'web-session'],
    ['/jsonrpc', 'json-rpc'],
    ['/de_DE/jsonrpc/', 'json-rpc'],
    ['/xmlrpc/common', 'xml-rpc'],
    ['/xmlrpc/2/common', 'xml-rpc'],
    ['/xmlrpc/2/object', 'xml-rpc'],
    ['/xmlrpc/2/db', 'xml-rpc'],
    ['/json/2/res.partner/read', 'json-2'],
    ['/json/2/res.partner/read/', 'json-2'],
    ['/web', undefined],
    ['/web/loginx', undefined],
    ['/web/login/other', undefined],
    ['/a/b/web/login', undefined],
    ['/web/session/get_session_info', undefined],
    ['/xmlrpc/3/common', undefined],
    ['/xmlrpc/2/report', undefined],
    ['/json/2/res.partner', undefined],
  ])('%s is %s', (path, route) => {
    expect(findLoginRoute(factsOf(path))).toBe(route);
  });

  it('is one only for a POST', () => {
    expect(findLoginRoute(factsOf('/web/login', { method: 'GET' }))).toBeUndefined();
  });

  it.each([
    ['/xmlrpc/2/common', 'common'],
    ['/de/xmlrpc/object/', 'object'],
    ['/xmlrpc/db', 'db'],
  ])('%s is the service %s', (path, service) => {
    expect(xmlRpcService(path)).toBe(service);
  });
});
