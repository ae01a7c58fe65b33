import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalPath } from '../core/path.ts';
import { compileMatcher } from './compile-matcher.ts';
import { compileZoneTable } from './compile.ts';
import { type ZoneMatch, matchZone } from './match.ts';
import { parseRule } from './parse-rule.ts';
import { type ZoneFacts, holds } from './predicate.ts';
import { type Rule, printRule } from './rule.ts';

const at = (name: string) => `zones/${name}.yaml:2:8`;

function factsOf(url: string, more: Partial<ZoneFacts> = {}): ZoneFacts {
  const [, host = '', path = '/', query] = /^([^/?]+)([^?]*)(?:\?(.*))?$/.exec(url) ?? [];
  const call = /^\/json\/2\/([A-Za-z0-9_.]+)\/(\w+)$/.exec(path);
  return {
    host,
    path: path === '' ? '/' : path,
    query,
    method: 'GET',
    fields: [],
    clientAddress: '192.0.2.1',
    clientCertificate: undefined,
    listener: 'public',
    odoo: call === null ? undefined : { protocol: 'json-2', model: call[1] ?? '', method: call[2] ?? '' },
    ...more,
  };
}

function tableOf(rules: Record<string, string>, overrides: Record<string, string[]> = {}) {
  return compileZoneTable(
    Object.entries(rules).map(([name, match]) => ({
      name,
      match,
      overrides: overrides[name] ?? [],
      at: at(name),
    })),
  );
}

/** The name of the zone that governs the request in a table without issues. */
function zoneOf(match: ZoneMatch): string | undefined {
  return match.kind === 'zone'
    ? match.zone
    : match.kind === 'none'
      ? undefined
      : `ambiguous: ${match.zones.join()}`;
}

describe('matchers', () => {
  const post = { method: 'POST' };
  it.each<[string, string, ZoneFacts, boolean]>([
    ['Host matches its host', 'Host(`a.example`)', factsOf('a.example/x'), true],
    ['Host matches no subdomain', 'Host(`a.example`)', factsOf('b.a.example/x'), false],
    ['Host matches no superstring', 'Host(`a.example`)', factsOf('a.example.evil/x'), false],
    ['a capture matches one label', 'Host(`{tenant}.example`)', factsOf('acme.example'), true],
    ['a capture matches no two labels', 'Host(`{tenant}.example`)', factsOf('x.acme.example'), false],
    [
      'a capture matches no empty label part',
      'Host(`odoo-{tenant}.example`)',
      factsOf('odoo-.example'),
      false,
    ],
    ['a capture in the middle matches', 'Host(`api.{tenant}.example`)', factsOf('api.acme.example'), true],
    [
      'a capture between texts of its label matches',
      'Host(`a-{tenant}-z.example`)',
      factsOf('a-m-n-z.example'),
      true,
    ],
    ['a capture matches no underscore', 'Host(`{tenant}.example`)', factsOf('a_b.example'), false],
    ['a capture of a whole host matches one label', 'Host(`{tenant}`)', factsOf('acme'), true],
    ['HostRegexp is not anchored', 'HostRegexp(`erp`)', factsOf('my-erp.example'), true],
    ['HostRegexp is anchored where it says so', 'HostRegexp(`^erp`)', factsOf('my-erp.example'), false],
    ['Path matches the whole path', 'Path(`/jsonrpc`)', factsOf('a/jsonrpc'), true],
    ['Path matches no trailing slash', 'Path(`/jsonrpc`)', factsOf('a/jsonrpc/'), false],
    ['PathPrefix is a prefix of the text, as in Traefik', 'PathPrefix(`/web`)', factsOf('a/webhook'), true],
    ['PathPrefix with a slash is a subtree', 'PathPrefix(`/web/`)', factsOf('a/webhook'), false],
    ['PathPrefix matches itself', 'PathPrefix(`/web`)', factsOf('a/web'), true],
    ['PathPrefix matches no shorter path', 'PathPrefix(`/web/x`)', factsOf('a/web'), false],
    ['PathPrefix tells case apart', 'PathPrefix(`/web`)', factsOf('a/WEB'), false],
    ['PathRegexp matches', 'PathRegexp(`^/my/[0-9]+$`)', factsOf('a/my/17'), true],
    ['PathRegexp fails', 'PathRegexp(`^/my/[0-9]+$`)', factsOf('a/my/17x'), false],
    ['Method matches', 'Method(`POST`)', factsOf('a/', post), true],
    ['Method tells case apart', 'Method(`POST`)', factsOf('a/', { method: 'post' }), false],
    ['Header matches its value', 'Header(`X-A`, `b`)', factsOf('a/', { fields: ['x-a', 'b'] }), true],
    [
      'Header matches one of several fields',
      'Header(`X-A`, `b`)',
      factsOf('a/', { fields: ['x-a', 'c', 'x-a', 'b'] }),
      true,
    ],
    [
      'Header matches no part of a value',
      'Header(`X-A`, `b`)',
      factsOf('a/', { fields: ['x-a', 'c, b'] }),
      false,
    ],
    [
      'Header tells the case of values apart',
      'Header(`X-A`, `b`)',
      factsOf('a/', { fields: ['x-a', 'B'] }),
      false,
    ],
    [
      'Header does not take values for names',
      'Header(`X-A`, `b`)',
      factsOf('a/', { fields: ['b', 'x-a', 'x-b', 'b'] }),
      false,
    ],
    [
      'HeaderRegexp matches a part',
      'HeaderRegexp(`X-A`, `^edi-`)',
      factsOf('a/', { fields: ['x-a', 'edi-1'] }),
      true,
    ],
    ['HeaderRegexp needs the field', 'HeaderRegexp(`X-A`, `.*`)', factsOf('a/'), false],
    ['Query matches key and value', 'Query(`debug`, `assets`)', factsOf('a/?x=1&debug=assets'), true],
    ['Query matches one of several values', 'Query(`debug`, `1`)', factsOf('a/?debug=0&debug=1'), true],
    [
      'Query matches an escaped key and value',
      'Query(`debug`, `a b&c`)',
      factsOf('a/?%64ebug=a+b%26c'),
      true,
    ],
    ['Query keeps malformed escapes', 'Query(`debug`, `%zz`)', factsOf('a/?debug=%zz'), true],
    ['Query does not cut at semicolons', 'Query(`debug`, `1`)', factsOf('a/?x;debug=1'), false],
    ['Query without a value asks for an empty one', 'Query(`debug`)', factsOf('a/?debug'), true],
    ['Query without a value takes an equals sign', 'Query(`debug`)', factsOf('a/?debug='), true],
    ['Query without a value matches no value', 'Query(`debug`)', factsOf('a/?debug=1'), false],
    ['Query matches no other key', 'Query(`debug`, `1`)', factsOf('a/?xdebug=1'), false],
    ['Query needs a query', 'Query(`debug`)', factsOf('a/'), false],
    ['QueryRegexp matches a value', 'QueryRegexp(`debug`, `^(1|assets)$`)', factsOf('a/?debug=assets'), true],
    ['QueryRegexp needs the key', 'QueryRegexp(`debug`, `.*`)', factsOf('a/?d=1'), false],
    ['ClientIP matches a range', 'ClientIP(`192.0.2.0/24`)', factsOf('a/'), true],
    ['ClientIP matches no other range', 'ClientIP(`2001:db8::/32`)', factsOf('a/'), false],
    ['ClientCert matches a certificate', 'ClientCert()', factsOf('a/', { clientCertificate: 'MII' }), true],
    ['ClientCert needs a certificate', 'ClientCert()', factsOf('a/'), false],
    ['Listener matches its name', 'Listener(`public`)', factsOf('a/'), true],
    ['Listener matches no other name', 'Listener(`internal`)', factsOf('a/'), false],
    ['OdooModel matches the model', 'OdooModel(`sale.order`)', factsOf('a/json/2/sale.order/read'), true],
    [
      'OdooModel matches no longer model',
      'OdooModel(`sale.order`)',
      factsOf('a/json/2/sale.order.line/read'),
      false,
    ],
    ['OdooModel matches a family', 'OdooModel(`sale.*`)', factsOf('a/json/2/sale.order.line/read'), true],
    ['OdooModel matches no other family', 'OdooModel(`sale.*`)', factsOf('a/json/2/sales/read'), false],
    ['OdooModel with a star matches every call', 'OdooModel(`*`)', factsOf('a/json/2/x/y'), true],
    ['OdooModel needs a call', 'OdooModel(`*`)', factsOf('a/json/2/x'), false],
    ['OdooMethod matches a family', 'OdooMethod(`search*`)', factsOf('a/json/2/x/search_read'), true],
    ['OdooMethod matches no other method', 'OdooMethod(`read`)', factsOf('a/json/2/x/search_read'), false],
    ['a negated matcher about a call holds without one', '!OdooMethod(`read`)', factsOf('a/'), true],
  ])('%s', (_, rule, facts, expected) => {
    const { table, issues } = tableOf({ zone: rule });
    expect(issues).toEqual([]);
    expect(matchZone(table, facts).kind).toBe(expected ? 'zone' : 'none');
  });
});

describe('matchZone', () => {
  const { table, issues } = tableOf(
    {
      partner:
        'Host(`{tenant}.partner.erp.example`) && (PathPrefix(`/json/2`) || Path(`/jsonrpc`) || PathPrefix(`/xmlrpc/2`))',
      employee: 'Host(`{tenant}.erp.example`)',
      admin: 'Host(`{tenant}.erp.example`) && PathPrefix(`/web/database`) && ClientIP(`10.0.0.0/8`)',
      public: 'Host(`www.erp.example`) || Host(`erp.example`)',
      hooks: 'Host(`hooks-{tenant}.erp.example`) && PathPrefix(`/payment/`)',
    },
    { public: ['employee'], admin: ['employee', 'public'], hooks: ['employee', 'admin'] },
  );

  it('is made without issues from zones that say who gives way', () => {
    expect(issues).toEqual([]);
  });

  it.each<[string, ZoneFacts, string | undefined, string | undefined]>([
    ['a host and a prefix', factsOf('acme.partner.erp.example/json/2/res.partner/read'), 'partner', 'acme'],
    ['a host and a path', factsOf('acme.partner.erp.example/jsonrpc'), 'partner', 'acme'],
    ['a path that no alternative covers', factsOf('acme.partner.erp.example/web'), undefined, undefined],
    ['a host that no zone covers', factsOf('evil.example/jsonrpc'), undefined, undefined],
    ['a zone for all paths', factsOf('acme.erp.example/odoo'), 'employee', 'acme'],
    [
      'a zone that overrides it',
      factsOf('acme.erp.example/web/database/manager', { clientAddress: '10.1.2.3' }),
      'admin',
      'acme',
    ],
    [
      'an overriding zone that does not match',
      factsOf('acme.erp.example/web/database/manager'),
      'employee',
      'acme',
    ],
    ['an exact host that overrides a capture', factsOf('www.erp.example/shop'), 'public', undefined],
    ['a host without a label for the tenant', factsOf('erp.example/shop'), 'public', undefined],
    [
      'three zones, of which one overrides the others',
      factsOf('www.erp.example/web/database', { clientAddress: '10.1.2.3' }),
      'admin',
      'www',
    ],
    [
      'a capture beside a text in its label',
      factsOf('hooks-acme.erp.example/payment/stripe'),
      'hooks',
      'acme',
    ],
    [
      'the wider capture outside of its paths',
      factsOf('hooks-acme.erp.example/odoo'),
      'employee',
      'hooks-acme',
    ],
  ])('%s leads to its zone and tenant', (_, facts, zone, tenant) => {
    const match = matchZone(table, facts);
    expect(zoneOf(match)).toBe(zone);
    expect(match.kind === 'zone' ? match.tenant : undefined).toBe(tenant);
  });

  it('tells place, index and what matched', () => {
    expect(matchZone(table, factsOf('acme.partner.erp.example/json/2/x/y'))).toEqual({
      kind: 'zone',
      index: 0,
      zone: 'partner',
      at: 'zones/partner.yaml:2:8',
      tenant: 'acme',
      note: 'Host and PathPrefix(`/json/2`) match',
    });
  });

  it('reads the tenant from a capture beside an exact host', () => {
    const named = tableOf({ one: 'Host(`{tenant}.erp.example`) && Host(`acme.erp.example`)' }).table;
    expect(matchZone(named, factsOf('acme.erp.example/'))).toMatchObject({ zone: 'one', tenant: 'acme' });
  });

  it('prefers the alternative with a tenant over one without', () => {
    for (const rule of [
      'Host(`a.example`) || Host(`{tenant}.example`)',
      'Host(`{tenant}.example`) || Host(`a.example`)',
    ]) {
      const { table: both, issues: found } = tableOf({ one: rule });
      expect(found).toEqual([]);
      expect(matchZone(both, factsOf('a.example/'))).toMatchObject({ zone: 'one', tenant: 'a' });
    }
  });

  it('fails closed when two zones of equal rank match', () => {
    const clash = tableOf({ b: 'PathPrefix(`/x`)', a: 'Host(`a.example`)', c: 'Host(`c.example`)' }).table;
    expect(matchZone(clash, factsOf('a.example/x'))).toEqual({ kind: 'ambiguous', zones: ['a', 'b'] });
  });

  it('fails closed when only some of the matching zones are overridden', () => {
    const clash = tableOf({ a: 'Path(`/x`)', b: 'Path(`/x`)', c: 'Path(`/x`)' }, { a: ['b'] }).table;
    expect(matchZone(clash, factsOf('h/x'))).toEqual({ kind: 'ambiguous', zones: ['a', 'c'] });
  });

  it('lets a zone win over those that an overridden zone overrides', () => {
    const chain = tableOf(
      { a: 'Path(`/x`)', b: 'PathPrefix(`/x`) && Method(`GET`)', c: 'PathPrefix(`/`)' },
      { a: ['b'], b: ['c'] },
    );
    expect(chain.issues).toEqual([]);
    expect(matchZone(chain.table, factsOf('h/x'))).toMatchObject({ zone: 'a' });
  });

  it('fails closed when a zone reads two tenants from one host', () => {
    const torn = tableOf({ one: 'Host(`{tenant}.example`) || Host(`api-{tenant}.example`)' }).table;
    expect(matchZone(torn, factsOf('api-acme.example/'))).toEqual({ kind: 'ambiguous', zones: ['one'] });
    expect(matchZone(torn, factsOf('acme.example/'))).toMatchObject({ zone: 'one', tenant: 'acme' });
  });

  it('remembers nothing of the request before', () => {
    const torn = tableOf({
      one: 'Host(`{tenant}.example`) || Host(`api-{tenant}.example`)',
      two: 'Host(`two`)',
    }).table;
    matchZone(torn, factsOf('api-acme.example/'));
    expect(matchZone(torn, factsOf('two/'))).toMatchObject({ zone: 'two', tenant: undefined });
    expect(matchZone(torn, factsOf('three/'))).toEqual({ kind: 'none' });
  });
});

/** The rule read as it is written, without normal form and index. */
function evaluate(rule: Rule, facts: ZoneFacts): boolean {
  if (rule.kind === 'and') return rule.rules.every((part) => evaluate(part, facts));
  if (rule.kind === 'or') return rule.rules.some((part) => evaluate(part, facts));
  if (rule.kind === 'not') return !evaluate(rule.rule, facts);
  const predicate = compileMatcher(rule, { issues: [], listeners: undefined });
  if (predicate === undefined) throw new Error(printRule(rule));
  return holds(predicate, facts);
}

describe('matchZone, for any rules and requests', () => {
  const hosts = ['a.example', 'b.example', 'api-a.example', 'a.b.example', 'x_y.example', 'a'];
  const paths = [
    '/',
    '/a',
    '/ab',
    '/a/b',
    '/ab/',
    '/json/2/sale.order/read',
    '/json/2/sale.order/search_read',
    '/json/2',
  ];
  const call = fc.constantFrom(
    'Host(`a.example`)',
    'Host(`{tenant}.example`)',
    'Host(`api-{tenant}.example`)',
    'Host(`a.{tenant}.example`)',
    'Host(`{tenant}.b.example`)',
    'HostRegexp(`^a`)',
    'Path(`/a`)',
    'Path(`/json/2/sale.order/read`)',
    'PathPrefix(`/`)',
    'PathPrefix(`/a`)',
    'PathPrefix(`/ab`)',
    'PathPrefix(`/json/2`)',
    'PathRegexp(`b$`)',
    'Method(`GET`)',
    'Method(`POST`)',
    'Header(`X-A`, `1`)',
    'Header(`X-A`, `2`)',
    'HeaderRegexp(`X-A`, `.`)',
    'Query(`k`, `1`)',
    'Query(`k`)',
    'QueryRegexp(`k`, `^[12]$`)',
    'ClientIP(`10.0.0.0/8`)',
    'ClientIP(`10.1.0.0/16`)',
    'ClientCert()',
    'Listener(`public`)',
    'OdooModel(`sale.*`)',
    'OdooModel(`*`)',
    'OdooMethod(`read`)',
    'OdooMethod(`*`)',
  );
  const { text } = fc.letrec<{ text: string }>((tie) => ({
    text: fc.oneof(
      { maxDepth: 4 },
      call,
      tie('text').map((inner) => `!(${inner})`),
      fc.tuple(tie('text'), tie('text')).map((both) => `(${both.join(' && ')})`),
      fc.tuple(tie('text'), tie('text'), tie('text')).map((all) => `(${all.join(' || ')})`),
    ),
  }));
  const request = fc.record({
    host: fc.constantFrom(...hosts),
    path: fc.constantFrom(...paths),
    query: fc.constantFrom('', '?k', '?k=1', '?k=1&k=2', '?j=1'),
    method: fc.constantFrom('GET', 'POST'),
    fields: fc.constantFrom<string[]>([], ['x-a', '1'], ['x-a', '1', 'x-a', '2'], ['x-b', '1']),
    clientAddress: fc.constantFrom('10.1.0.1', '10.2.0.1', '192.0.2.1', '2001:db8::1'),
    clientCertificate: fc.constantFrom(undefined, 'MII'),
    listener: fc.constantFrom('public', 'internal'),
  });

  it('finds exactly the zones whose rules hold, and ranks them by overrides alone', () => {
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 3 }),
        fc.array(request, { minLength: 5, maxLength: 15 }),
        (rules, links, requests) => {
          const names = rules.map((_, i) => `zone${i}`);
          // Downward links only: no circles.
          const overrides = names.map((_, i) =>
            links
              .filter(([from, to]) => from === i && to > i && to < names.length)
              .map(([, to]) => `zone${to}`),
          );
          const { table } = compileZoneTable(
            rules.map((match, i) => ({ name: `zone${i}`, match, overrides: overrides[i] ?? [], at: '' })),
          );
          for (const { host, path, query, ...rest } of requests) {
            expect(canonicalPath(path)).toBe(path);
            const facts = factsOf(`${host}${path}${query}`, rest);
            const held = names.filter((_, i) => {
              // Rules with dead parts are left out of the table.
              if (table.zones[i]?.terms.length === 0) return false;
              const { rule } = parseRule(rules[i] ?? '');
              return rule !== undefined && evaluate(rule, facts);
            });
            const beats = (a: string, b: string): boolean =>
              (overrides[names.indexOf(a)] ?? []).some((lower) => lower === b || beats(lower, b));
            const unbeaten = held.filter((zone) => !held.some((other) => beats(other, zone)));
            const match = matchZone(table, facts);
            if (unbeaten.length === 0) expect(match.kind).toBe('none');
            else if (unbeaten.length > 1)
              expect(match).toEqual({ kind: 'ambiguous', zones: unbeaten.toSorted() });
            // One zone may still read two tenants from a host.
            else expect(match.kind === 'ambiguous' ? match.zones : [zoneOf(match)]).toEqual(unbeaten);
          }
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('does not depend on the order of zones', () => {
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 2, maxLength: 4 }),
        fc.array(request, { minLength: 5, maxLength: 10 }),
        (rules, requests) => {
          const sources = rules.map((match, i) => ({ name: `zone${i}`, match, overrides: [], at: '' }));
          const forwards = compileZoneTable(sources).table;
          const backwards = compileZoneTable(sources.toReversed()).table;
          for (const { host, path, query, ...rest } of requests) {
            const facts = factsOf(`${host}${path}${query}`, rest);
            expect(zoneOf(matchZone(backwards, facts))).toBe(zoneOf(matchZone(forwards, facts)));
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
