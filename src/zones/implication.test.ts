import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRule } from './compile-rule.ts';
import { compileZoneTable } from './compile.ts';
import { contradict, findContradiction, impliesAll, impliesLiteral } from './implication.ts';
import { matchZone } from './match.ts';
import { type Literal, type ZoneFacts, holdAll, printLiteral } from './predicate.ts';

function literal(text: string): Literal {
  const { terms, issues } = compileRule(text);
  const found = terms[0]?.[0];
  if (found === undefined) throw new Error(`${text}: ${issues[0]?.what}`);
  return found;
}

const exact = [
  'Host(`a.example`)',
  'Host(`api-a.example`)',
  'Host(`{tenant}.example`)',
  'Host(`api-{tenant}.example`)',
  'Host(`{tenant}-a.example`)',
  'Host(`a.{tenant}.example`)',
  'Host(`{tenant}.b.example`)',
  'Path(`/a`)',
  'Path(`/json/2/sale.order/read`)',
  'PathPrefix(`/`)',
  'PathPrefix(`/a`)',
  'PathPrefix(`/ab`)',
  'PathPrefix(`/json/2/sale`)',
  'PathPrefix(`/json/2/x/`)',
  'Method(`GET`)',
  'Method(`POST`)',
  'Header(`X-A`, `1`)',
  'Header(`X-A`, `2`)',
  'Query(`k`, `1`)',
  'Query(`k`)',
  'ClientIP(`10.0.0.0/8`)',
  'ClientIP(`10.1.0.0/16`)',
  'ClientIP(`10.128.0.0/9`)',
  'ClientIP(`2001:db8::/33`)',
  'ClientIP(`2001:db8::/64`)',
  'ClientIP(`0.0.0.0/0`)',
  'ClientCert()',
  'Listener(`public`)',
  'Listener(`internal`)',
  'OdooModel(`sale.*`)',
  'OdooModel(`sale.order`)',
  'OdooModel(`x`)',
  'OdooModel(`*`)',
  'OdooMethod(`read`)',
  'OdooMethod(`*`)',
];
const expressions = [
  'HostRegexp(`^a`)',
  'PathRegexp(`b$`)',
  'PathRegexp(`^/a`)',
  'HeaderRegexp(`X-A`, `1`)',
  'QueryRegexp(`k`, `^[12]$`)',
];
const literals = [...exact, ...expressions].map(literal).flatMap(({ predicate }) => [
  { predicate, negated: false },
  { predicate, negated: true },
]);

const request: fc.Arbitrary<ZoneFacts> = fc
  .record({
    host: fc.constantFrom(
      'a.example',
      'b.example',
      'api-a.example',
      'api-x.example',
      'x-a.example',
      'a.b.example',
      'a.c.example',
      'c.b.example',
      'x_y.example',
    ),
    path: fc.constantFrom(
      '/',
      '/a',
      '/ab',
      '/a/b',
      '/json/2/sale.order/read',
      '/json/2/sale.order/write',
      '/json/2/x/read',
      '/json/2/sale',
      '/json/2/x/',
    ),
    query: fc.constantFrom(undefined, 'k', 'k=1', 'k=2&k=1', 'j=1'),
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    fields: fc.constantFrom<string[]>([], ['x-a', '1'], ['x-a', '1', 'x-a', '2'], ['x-a', '21']),
    clientAddress: fc.constantFrom(
      '10.1.0.1',
      '10.2.0.1',
      '10.200.0.1',
      '192.0.2.1',
      '2001:db8::1',
      '2001:db8:7fff::1',
      '2001:db8:8000::1',
    ),
    clientCertificate: fc.constantFrom(undefined, 'MII'),
    listener: fc.constantFrom('public', 'internal', 'other'),
  })
  .map((parts) => {
    const [, model, method] = /^\/json\/2\/([A-Za-z0-9_.]+)\/(\w+)$/.exec(parts.path) ?? [];
    return {
      ...parts,
      odoo: model === undefined || method === undefined ? undefined : { protocol: 'json-2', model, method },
    };
  });

describe('contradict', () => {
  it('never says so of literals that one request meets', () => {
    const requests = fc.sample(request, { numRuns: 400, seed: 1 });
    for (const a of literals) {
      for (const b of literals) {
        if (!contradict(a, b)) continue;
        const met = requests.find((facts) => holdAll([a, b], facts));
        expect([printLiteral(a), printLiteral(b), met]).toEqual([
          printLiteral(a),
          printLiteral(b),
          undefined,
        ]);
      }
    }
  });

  it('does not depend on the order of the two', () => {
    for (const a of literals) for (const b of literals) expect(contradict(a, b)).toBe(contradict(b, a));
  });

  it.each([
    ['Host(`a.example`)', 'Host(`b.example`)'],
    ['Host(`a.b.example`)', 'Host(`{tenant}.example`)'],
    ['Host(`{tenant}.b.example`)', 'Host(`a.{tenant}.test`)'],
    ['Path(`/a`)', 'PathPrefix(`/b`)'],
    ['Path(`/a`)', '!PathPrefix(`/`) || Path(`/b`)'],
    ['Path(`/a`)', '!PathRegexp(`^/a`)'],
    ['Host(`{tenant}.a.example`)', '!HostRegexp(`x`) && Host(`b.a.test`)'],
    ['ClientIP(`10.0.0.0/8`)', 'ClientIP(`11.0.0.0/8`)'],
    ['ClientIP(`2001:db8::/32`)', 'ClientIP(`10.0.0.0/8`)'],
    ['OdooModel(`sale.*`)', 'OdooModel(`stock.*`)'],
    ['OdooModel(`sale.order`)', '!PathPrefix(`/json/2/sale.order/`)'],
  ])('%s excludes %s', (a, b) => {
    const all = [...(compileRule(a).terms[0] ?? []), ...(compileRule(b).terms[0] ?? [])];
    expect(findContradiction(all)).toBeDefined();
  });
});

describe('impliesLiteral', () => {
  it('never says so where a request meets only the first', () => {
    const requests = fc.sample(request, { numRuns: 400, seed: 2 });
    for (const a of literals) {
      for (const b of literals) {
        if (!impliesLiteral(a, b)) continue;
        const odd = requests.find((facts) => holdAll([a], facts) && !holdAll([b], facts));
        expect([printLiteral(a), printLiteral(b), odd]).toEqual([
          printLiteral(a),
          printLiteral(b),
          undefined,
        ]);
      }
    }
  });

  it.each([
    ['Host(`a.example`)', 'Host(`{tenant}.example`)'],
    ['Host(`api-{tenant}.example`)', 'Host(`{tenant}.example`)'],
    ['Host(`a.example`)', 'HostRegexp(`^a`)'],
    ['Path(`/ab`)', 'PathPrefix(`/a`)'],
    ['PathPrefix(`/ab`)', 'PathPrefix(`/a`)'],
    ['Method(`GET`)', 'PathPrefix(`/`)'],
    ['Header(`X-A`, `12`)', 'HeaderRegexp(`x-a`, `^1`)'],
    ['ClientIP(`10.1.0.0/16`)', 'ClientIP(`10.0.0.0/8`)'],
    ['OdooModel(`sale.order`)', 'OdooModel(`sale.*`)'],
    ['OdooMethod(`read`)', 'OdooModel(`*`)'],
    ['OdooModel(`sale.*`)', 'PathPrefix(`/json/2`)'],
    ['Path(`/a`)', '!Path(`/b`)'],
    ['!PathPrefix(`/a`)', '!Path(`/ab`)'],
  ])('%s lies within %s', (narrow, wide) => {
    expect(impliesAll([literal(narrow)], [literal(wide)])).toBe(true);
    expect(impliesAll([literal(wide)], [literal(narrow)])).toBe(false);
  });
});

describe('the overlap check', () => {
  it('finds every overlap of rules without expressions and negation', () => {
    const conjunction = fc
      .uniqueArray(fc.constantFrom(...exact), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.join(' && '));
    const rule = fc.array(conjunction, { minLength: 1, maxLength: 2 }).map((parts) => parts.join(' || '));
    let ambiguous = 0;
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 2, maxLength: 3 }),
        fc.array(request, { minLength: 40, maxLength: 40 }),
        (rules, requests) => {
          const { table, issues } = compileZoneTable(
            rules.map((match, i) => ({ name: `zone${i}`, match, overrides: [], at: '' })),
          );
          const met = requests.find((facts) => matchZone(table, facts).kind === 'ambiguous');
          if (met === undefined) return;
          ambiguous++;
          expect(issues.map(({ issue }) => issue.consequence)).toContainEqual(
            expect.stringMatching(/refused with zone_ambiguous\.$/),
          );
        },
      ),
      { numRuns: 1500 },
    );
    // The property means nothing when hardly any example overlaps.
    expect(ambiguous).toBeGreaterThan(100);
  });
});
