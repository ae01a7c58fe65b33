import { describe, expect, it } from 'vitest';
import {
  percentDecodeOnce,
  routeOf,
  splitTargetLikeGevent,
  splitTargetLikeWerkzeug,
  toOdooRequest,
} from './odoo-request.ts';

function read(fields: [string, string][], targetHost?: string) {
  return toOdooRequest({
    method: 'GET',
    target: '/',
    path: '/',
    query: '',
    targetHost,
    fields,
    peerAddress: '10.0.0.1',
    body: Buffer.alloc(0),
  });
}

describe('splitTargetLikeWerkzeug', () => {
  // Compared with werkzeug 3.1 on Python 3.11, these and 3,000 random targets.
  it.each([
    ['/web?a=1&b=2', '/web', 'a=1&b=2', undefined],
    ['//web/database/manager', '/web/database/manager', '', undefined],
    ['/web%2Fdatabase%2Fmanager', '/web/database/manager', '', undefined],
    ['/%2fweb', '//web', '', undefined],
    ['/a%252fb', '/a%2fb', '', undefined],
    ['/web#x?y', '/web', '', undefined],
    ['/web?a#b', '/web', 'a', undefined],
    ['/web%zz%4', '/web%zz%4', '', undefined],
    ['/web%c3%a9', '/webé', '', undefined],
    ['/web%ff', '/web\ufffd', '', undefined],
    ['http://evil/web/login?x', '/web/login', 'x', 'evil'],
    ['ftp://user@h:1/web', '/web', '', 'user@h:1'],
    ['http:web/login', 'web/login', '', undefined],
    ['http:///web', '/web', '', undefined],
    ['evil:80', '80', '', undefined],
    ['1http://x/y', '1http://x/y', '', undefined],
    ['*', '*', '', undefined],
  ])('reads %s', (target, path, query, targetHost) => {
    expect(splitTargetLikeWerkzeug(target)).toEqual({ path, query, targetHost });
  });
});

describe('splitTargetLikeGevent', () => {
  it.each([
    ['/web%2flogin?a?b', '/web/login', 'a?b'],
    ['/web#x?y', '/web#x', 'y'],
    ['http://evil/web', 'http://evil/web', ''],
    ['//web', '//web', ''],
  ])('reads %s', (target, path, query) => {
    expect(splitTargetLikeGevent(target)).toEqual({ path, query, targetHost: undefined });
  });
});

describe('percentDecodeOnce', () => {
  it('leaves text that is not ASCII alone', () => {
    expect(percentDecodeOnce('Ã©%41')).toBe('Ã©A');
  });
});

describe('routeOf', () => {
  it.each([
    ['/web/login', { route: '/web/login' }],
    ['web/login', { route: '/web/login' }],
    ['//web/login/', { route: '/web/login' }],
    ['/de/web/database/manager', { route: '/web/database/manager' }],
    ['/de_DE', { route: '/' }],
    ['/fr/web/login', { route: '/fr/web/login' }],
    ['/web//login', { redirect: '/web/login' }],
    ['/x/../web/login', { route: '/x/../web/login' }],
    ['/', { route: '/' }],
  ])('routes %s', (path, place) => {
    expect(routeOf(path)).toEqual(place);
  });
});

describe('toOdooRequest', () => {
  it.each<[string, [string, string][], { remoteAddress: string; scheme: string; host: string }]>([
    [
      'nothing forwarded without X-Forwarded-Host',
      [
        ['Host', 'a'],
        ['X-Forwarded-For', '1.1.1.1'],
        ['X-Forwarded-Proto', 'https'],
      ],
      { remoteAddress: '10.0.0.1', scheme: 'http', host: 'a' },
    ],
    [
      'the last value of each forwarded field',
      [
        ['Host', 'a'],
        ['X-Forwarded-For', '1.1.1.1, 2.2.2.2'],
        ['X-Forwarded-For', '3.3.3.3'],
        ['X-Forwarded-Host', 'b, c'],
        ['X-Forwarded-Proto', 'https'],
      ],
      { remoteAddress: '3.3.3.3', scheme: 'https', host: 'c' },
    ],
    [
      'the peer when the last forwarded value is empty',
      [
        ['X-Forwarded-For', '1.1.1.1,'],
        ['X-Forwarded-Host', 'b'],
      ],
      { remoteAddress: '10.0.0.1', scheme: 'http', host: 'b' },
    ],
  ])('believes %s', (_title, fields, expected) => {
    const { remoteAddress, scheme, host } = read(fields);
    expect({ remoteAddress, scheme, host }).toEqual(expected);
  });

  it('takes the host of an absolute target over the field', () => {
    expect(read([['Host', 'a']], 'evil').host).toBe('evil');
  });

  it('joins repeated fields, drops names with an underscore, and takes the last length', () => {
    const { headers } = read([
      ['X-Odoo-Database', 't1'],
      ['x-odoo-database', 't2'],
      ['X_Odoo_Database', 't3'],
      ['Content-Length', '1'],
      ['Content-Length', '2'],
    ]);
    expect([...headers]).toEqual([
      ['x-odoo-database', 't1,t2'],
      ['content-length', '2'],
    ]);
  });
});
