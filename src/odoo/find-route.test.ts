import { describe, expect, it } from 'vitest';
import { findRoute } from './find-route.ts';

describe('findRoute', () => {
  it.each([
    ['/jsonrpc', '/jsonrpc'],
    ['/jsonrpc/', '/jsonrpc'],
    ['/de/jsonrpc', '/jsonrpc'],
    ['/pt_BR/jsonrpc', '/jsonrpc'],
    ['/sr%40latin/jsonrpc', '/jsonrpc'],
    ['/web/dataset/call_kw', '/web/dataset/'],
    ['/de/web/dataset/call_kw', '/web/dataset/'],
    ['/web/dataset', undefined],
    ['/a/b/jsonrpc', undefined],
    ['/de/x', undefined],
    ['/jsonrp', undefined],
    ['/JSONRPC', undefined],
    ['/dejsonrpc', undefined],
    ['/', undefined],
    ['', undefined],
  ])('of %s is %s', (path, route) => {
    expect(findRoute(path, ['/jsonrpc', '/web/dataset/'])).toBe(route);
  });

  it('takes the first route that fits', () => {
    expect(findRoute('/web/dataset/x', ['/web/', '/web/dataset/'])).toBe('/web/');
  });
});
