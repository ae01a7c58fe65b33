import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Facts } from '../core/facts.ts';
import { type Cidr, limitKeyOfIp, parseCidr } from '../core/ip.ts';
import type { RequestHead } from '../core/request-head.ts';
import { canonicalise } from './canonicalise.ts';

const head: RequestHead = {
  method: 'GET',
  target: '/odoo',
  fields: ['host', 'acme.erp.example'],
  peerAddress: '127.0.0.1',
  scheme: 'http',
  listener: 'proxy',
  requestId: 'r1',
  forwardedByPeer: false,
};

const trusted = ['127.0.0.1', '10.1.0.0/16', 'fd00::/8'].map((text): Cidr => {
  const parsed = parseCidr(text);
  if (!('cidr' in parsed)) throw new TypeError(text);
  return parsed.cidr;
});

const reading = (change: Partial<RequestHead>): ReturnType<typeof canonicalise> =>
  canonicalise({ ...head, ...change }, trusted);

const withFields = (...fields: string[]): ReturnType<typeof canonicalise> =>
  reading({ fields: [...head.fields, ...fields] });

function factsOf(result: ReturnType<typeof canonicalise>): Facts {
  if (typeof result === 'string') throw new Error(result);
  return result;
}

describe('canonicalise', () => {
  test('says everything that is known of a request', () => {
    const fields = [
      'host',
      'ACME.erp.example.:8443',
      'x-forwarded-for',
      '203.0.113.9',
      'x-forwarded-proto',
      'https',
    ];
    expect(reading({ method: 'POST', target: '/json/2/res.partner/%72ead?x=%2F', fields })).toEqual({
      method: 'POST',
      scheme: 'https',
      host: 'acme.erp.example',
      port: 8443,
      path: '/json/2/res.partner/read',
      query: 'x=%2F',
      fields,
      clientAddress: '203.0.113.9',
      fromTrustedProxy: true,
      clientCertificate: undefined,
      webSocket: false,
      odoo: {
        protocol: 'json-2',
        service: 'object',
        model: 'res.partner',
        method: 'read',
        database: undefined,
        login: undefined,
        sized: false,
        records: undefined,
        limit: undefined,
      },
      listener: 'proxy',
      requestId: 'r1',
    });
  });

  test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('takes %s', (method) => {
    expect(factsOf(reading({ method })).method).toBe(method);
  });

  test.each(['CONNECT', 'TRACE', 'PROPFIND', 'SOURCE', 'DESCRIBE', 'M-SEARCH', 'get', ''])(
    'does not take %j, which no route of Odoo knows',
    (method) => {
      expect(reading({ method })).toBe('method_not_supported');
    },
  );

  test.each([
    [{ fields: [] }, 'host_invalid'],
    [{ fields: ['host', 'a.example', 'host', 'a.example'] }, 'host_invalid'],
    [{ fields: ['host', 'user@a.example'] }, 'host_invalid'],
    [{ target: '*' }, 'target_invalid'],
    [{ target: 'http://acme.erp.example/odoo' }, 'target_invalid'],
    [{ target: '/odoo?a b' }, 'target_invalid'],
    [{ target: '//odoo' }, 'path_ambiguous'],
    [{ target: '/a/../b' }, 'path_ambiguous'],
  ] as const)('refuses %j as %s', (change, reason) => {
    expect(reading(change)).toBe(reason);
  });

  test('rewrites a path, except where somebody else sends it on', () => {
    expect(factsOf(reading({ target: '/%6fdoo' })).path).toBe('/odoo');
    expect(reading({ target: '/%6fdoo', forwardedByPeer: true })).toBe('path_not_canonical');
    expect(factsOf(reading({ target: '/odoo', forwardedByPeer: true })).path).toBe('/odoo');
  });

  test.each(['authorization', 'content-type', 'origin'])('refuses a repeated %s', (name) => {
    expect(withFields(name, 'a', name, 'a')).toBe('header_invalid');
    expect(factsOf(withFields(name, 'a')).fields).toContain(name);
  });

  test.each([
    ['keep-alive', undefined],
    ['close', undefined],
    ['Upgrade', undefined],
    ['TE, close', undefined],
    ['accept', undefined],
    ['Host', 'header_invalid'],
    ['close,host', 'header_invalid'],
    [' \tAuthorization ', 'header_invalid'],
    ['cookie', 'header_invalid'],
    ['Content-Length', 'header_invalid'],
    ['content-type', 'header_invalid'],
    ['transfer-encoding', 'header_invalid'],
    ['Forwarded', 'header_invalid'],
    ['X-Forwarded-For', 'header_invalid'],
    ['x-anything', 'header_invalid'],
    ['origin', 'header_invalid'],
    ['traceparent', 'header_invalid'],
  ])('reads a Connection of %j as %s', (value, reason) => {
    const result = withFields('connection', value);
    expect(typeof result === 'string' ? result : undefined).toBe(reason);
  });

  test('reads all Connection fields, not the first one only', () => {
    expect(withFields('connection', 'keep-alive', 'connection', 'x-forwarded-for')).toBe('header_invalid');
  });
});

describe('the client address', () => {
  const clientOf = (peerAddress: string, ...chain: string[]): string =>
    factsOf(
      reading({
        peerAddress,
        fields: [...head.fields, ...chain.flatMap((value) => ['x-forwarded-for', value])],
      }),
    ).clientAddress;

  test.each([
    // A peer that nobody trusts is the client, whatever it says.
    ['198.51.100.7', ['203.0.113.9'], '198.51.100.7'],
    ['198.51.100.7', [], '198.51.100.7'],
    ['::ffff:198.51.100.7', ['203.0.113.9'], '198.51.100.7'],
    // A trusted peer tells it.
    ['127.0.0.1', [], '127.0.0.1'],
    ['127.0.0.1', ['203.0.113.9'], '203.0.113.9'],
    ['::ffff:127.0.0.1', ['203.0.113.9'], '203.0.113.9'],
    ['fd00::1', ['2001:DB8:0:0::1'], '2001:db8::1'],
    // The rightmost one that is not ours; what is left of it is its own claim.
    ['127.0.0.1', ['1.1.1.1, 203.0.113.9'], '203.0.113.9'],
    ['127.0.0.1', ['1.1.1.1', '203.0.113.9'], '203.0.113.9'],
    ['127.0.0.1', ['1.1.1.1,203.0.113.9,10.1.2.3'], '203.0.113.9'],
    ['127.0.0.1', ['203.0.113.9, 10.1.2.3, fd12::1, ::ffff:10.1.0.1'], '203.0.113.9'],
    // Nothing but proxies: the farthest of them.
    ['127.0.0.1', ['10.1.9.9, 10.1.2.3'], '10.1.9.9'],
    // What is no address ends the walk at the last hop that was one.
    ['127.0.0.1', ['garbage'], '127.0.0.1'],
    ['127.0.0.1', ['203.0.113.9, garbage'], '127.0.0.1'],
    ['127.0.0.1', ['203.0.113.9, garbage, 10.1.2.3'], '10.1.2.3'],
    ['127.0.0.1', ['203.0.113.9:4711'], '127.0.0.1'],
    ['127.0.0.1', ['[2001:db8::1]'], '127.0.0.1'],
    ['127.0.0.1', ['010.0.0.1'], '127.0.0.1'],
    ['127.0.0.1', ['unknown'], '127.0.0.1'],
    ['127.0.0.1', ['203.0.113.9,'], '127.0.0.1'],
    ['127.0.0.1', [','], '127.0.0.1'],
    ['127.0.0.1', [''], '127.0.0.1'],
    ['127.0.0.1', ['203.0.113.9', ''], '127.0.0.1'],
  ])('of peer %s with X-Forwarded-For %j is %s', (peer, chain, client) => {
    expect(clientOf(peer, ...chain)).toBe(client);
  });

  const claims = fc.array(
    fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom('10.1.0.1', '127.0.0.1', 'unknown', '', '"', '1.2.3.4:5'),
      fc.string(),
    ),
    { maxLength: 6 },
  );
  const cleaned = (claim: string): string => claim.replace(/[^\x21-\x7e]/g, '');

  test('of one peer is one limit key, however it spells its claims', () => {
    const keys = new Set<string>();
    fc.assert(
      fc.property(claims, fc.boolean(), (list, split) => {
        const chain = list.map(cleaned);
        keys.add(limitKeyOfIp(clientOf('198.51.100.7', ...(split ? chain : [chain.join(', ')]))));
      }),
      { numRuns: 1000 },
    );
    expect([...keys]).toEqual(['198.51.100.7']);
  });

  test('behind a trusted proxy is what that proxy saw, whatever stands before it', () => {
    const seen = fc.constantFrom(
      '198.51.100.7',
      '::ffff:198.51.100.7',
      '::FFFF:c633:6407',
      '0:0:0:0:0:ffff:c633:6407',
    );
    const keys = new Set<string>();
    fc.assert(
      fc.property(claims, seen, fc.constantFrom(',', ', ', ' ,\t'), (list, address, separator) => {
        keys.add(limitKeyOfIp(clientOf('127.0.0.1', [...list.map(cleaned), address].join(separator))));
      }),
      { numRuns: 1000 },
    );
    expect([...keys]).toEqual(['198.51.100.7']);
  });

  test('of an IPv6 client is one limit key for its whole /64', () => {
    const keys = Array.from({ length: 100 }, (_, i) =>
      limitKeyOfIp(clientOf('127.0.0.1', `2001:db8:0:1:${i.toString(16)}::${(i * 7).toString(16)}`)),
    );
    expect(new Set(keys)).toEqual(new Set(['2001:db8:0:1::/64']));
  });
});

describe('what only a trusted proxy may say', () => {
  const forwarded = ['x-forwarded-proto', 'https', 'x-forwarded-tls-client-cert', 'MIIB'];

  test('is believed of one', () => {
    expect(withFields(...forwarded)).toMatchObject({
      scheme: 'https',
      clientCertificate: 'MIIB',
      fromTrustedProxy: true,
    });
  });

  test('is nothing of anybody else', () => {
    expect(reading({ peerAddress: '198.51.100.7', fields: [...head.fields, ...forwarded] })).toMatchObject({
      scheme: 'http',
      clientCertificate: undefined,
      fromTrustedProxy: false,
    });
  });

  test.each([
    ['https', 'https'],
    ['wss', 'https'],
    ['http', 'http'],
    ['ws', 'http'],
    ['HTTPS', 'http'],
    ['https, http', 'http'],
    ['', 'http'],
  ])('reads a scheme of %j as %s', (value, scheme) => {
    expect(factsOf(withFields('x-forwarded-proto', value)).scheme).toBe(scheme);
  });
});

describe('an upgrade', () => {
  const handshake = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const upgradeOf = (change: Record<string, string>, request: Partial<RequestHead> = {}) => {
    const fields = Object.entries({ ...handshake, ...change }).filter(([, value]) => value !== '');
    const result = reading({ target: '/websocket', ...request, fields: [...head.fields, ...fields.flat()] });
    return typeof result === 'string' ? result : result.webSocket;
  };

  test.each([
    [{}, true],
    [{ connection: 'keep-alive, upgrade' }, true],
    [{ upgrade: 'WebSocket' }, true],
    [{ upgrade: 'h2c' }, 'upgrade_invalid'],
    [{ upgrade: 'websocket, h2c' }, 'upgrade_invalid'],
    [{ connection: 'keep-alive' }, 'upgrade_invalid'],
    [{ connection: '' }, 'upgrade_invalid'],
    [{ connection: 'not-upgrade' }, 'upgrade_invalid'],
    [{ 'sec-websocket-version': '8' }, 'upgrade_invalid'],
    [{ 'sec-websocket-version': '' }, 'upgrade_invalid'],
    [{ 'sec-websocket-version': '13, 8' }, 'upgrade_invalid'],
    [{ 'sec-websocket-key': '' }, 'upgrade_invalid'],
    [{ 'sec-websocket-key': 'c2hvcnQ=' }, 'upgrade_invalid'],
    [{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==, x' }, 'upgrade_invalid'],
    [{ 'content-length': '5' }, 'upgrade_invalid'],
    [{ 'transfer-encoding': 'chunked' }, 'upgrade_invalid'],
  ])('with %j is %j', (change, expected) => {
    expect(upgradeOf(change)).toBe(expected);
  });

  test('is made with GET only', () => {
    expect(upgradeOf({}, { method: 'POST' })).toBe('upgrade_invalid');
  });

  test('is known by its path where Traefik has taken the hop-by-hop fields away', () => {
    const plain = { connection: '', upgrade: '' };
    expect(upgradeOf(plain, { forwardedByPeer: true })).toBe(true);
    expect(upgradeOf(plain, { forwardedByPeer: true, method: 'POST' })).toBe(false);
    expect(upgradeOf(plain, { forwardedByPeer: true, target: '/websocket/x' })).toBe(false);
  });
});
