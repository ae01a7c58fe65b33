import { describe, expect, it } from 'vitest';
import { compileZoneTable } from './compile.ts';

function issuesOf(rules: Record<string, string>, overrides: Record<string, string[]> = {}) {
  const { issues } = compileZoneTable(
    Object.entries(rules).map(([name, match]) => ({
      name,
      match,
      overrides: overrides[name] ?? [],
      at: `zones/${name}.yaml:2:8`,
    })),
  );
  return issues;
}

/** What and fix of the overlap issues. */
function overlaps(
  rules: Record<string, string>,
  overrides: Record<string, string[]> = {},
): [string, string, string][] {
  return issuesOf(rules, overrides).map(({ zone, issue }) => [zone, issue.what, issue.fix]);
}

describe('compileZoneTable', () => {
  it('says of an overlap where, what, what would happen and what to write', () => {
    expect(
      issuesOf({
        partner: 'Host(`{tenant}.partner.erp.example`) && PathPrefix(`/json/2`)',
        legacy: 'Host(`acme.partner.erp.example`)',
      }),
    ).toEqual([
      {
        zone: 'legacy',
        issue: {
          path: ['match'],
          offset: 0,
          what: 'Zones "legacy" and "partner" (zones/partner.yaml:2:8) both match GET https://acme.partner.erp.example/json/2.',
          consequence: 'Order never decides, so such a request would be refused with zone_ambiguous.',
          fix: 'Narrow one of the two rules, or write "overrides: [partner]" here or "overrides: [legacy]" in zone "partner".',
        },
      },
    ]);
  });

  it.each<[string, string, string, string]>([
    ['the same path', 'Path(`/x`)', 'Path(`/x`)', 'GET https://erp.example/x'],
    ['a path within a prefix', 'Path(`/x/y`)', 'PathPrefix(`/x`)', 'GET https://erp.example/x/y'],
    [
      'a prefix within a prefix',
      'PathPrefix(`/web/`)',
      'PathPrefix(`/web/database`)',
      'GET https://erp.example/web/database',
    ],
    ['a host and a path', 'Host(`a.example`)', 'Path(`/x`)', 'GET https://a.example/x'],
    [
      'a host of one rule and a path of the other',
      'Host(`a.example`) && PathPrefix(`/`)',
      'Host(`{tenant}.example`) && PathPrefix(`/json`)',
      'GET https://a.example/json',
    ],
    [
      'captures at both ends of a label',
      'Host(`a-{tenant}.example`)',
      'Host(`{tenant}-z.example`)',
      'GET https://a-acme-z.example/',
    ],
    [
      'captures in different labels',
      'Host(`{tenant}.b.example`)',
      'Host(`a.{tenant}.example`)',
      'GET https://a.b.example/',
    ],
    [
      'a prefix that the other rule carves the root out of',
      'PathPrefix(`/x`) && !Path(`/x`)',
      'PathPrefix(`/x`)',
      'GET https://erp.example/x/x',
    ],
    [
      'a tenant that is excluded',
      'Host(`{tenant}.example`) && !Host(`acme.example`)',
      'Host(`{tenant}.example`)',
      'GET https://beta.example/',
    ],
    ['a method', 'Method(`PUT`)', 'Path(`/x`)', 'PUT https://erp.example/x'],
    [
      'methods that are excluded',
      '!Method(`GET`)',
      'Path(`/x`) && !Method(`POST`)',
      'PUT https://erp.example/x',
    ],
    ['a header', 'Header(`X-A`, `1`)', 'Path(`/x`)', 'GET https://erp.example/x with x-a: 1'],
    [
      'a header that is sent twice',
      'Header(`X-A`, `1`)',
      'Header(`X-A`, `2`)',
      'GET https://erp.example/ with x-a: 1 and x-a: 2',
    ],
    ['a query', 'Query(`db`, `a b`)', 'QueryRegexp(`k`, `^x+$`)', 'GET https://erp.example/?db=a%20b&k=x'],
    [
      'client addresses',
      'ClientIP(`10.0.0.0/8`)',
      'ClientIP(`10.1.0.0/16`)',
      'GET https://erp.example/ from 10.1.0.1',
    ],
    [
      'a client address outside of an excluded part',
      'ClientIP(`10.0.0.0/8`)',
      '!ClientIP(`10.0.0.0/9`)',
      'GET https://erp.example/ from 10.255.255.255',
    ],
    ['a listener', 'Listener(`internal`)', 'Path(`/x`)', 'GET https://erp.example/x on listener internal'],
    [
      'a client certificate',
      'ClientCert()',
      'Path(`/x`)',
      'GET https://erp.example/x with a client certificate',
    ],
    [
      'an Odoo call',
      'OdooModel(`sale.*`)',
      'OdooMethod(`read`)',
      'POST https://erp.example/json/2/sale.x/read',
    ],
    [
      'an Odoo call within a prefix',
      'OdooModel(`sale.order`)',
      'PathPrefix(`/json/2`)',
      'POST https://erp.example/json/2/sale.order/read',
    ],
    [
      'an Odoo call by another method than the usual one',
      'OdooModel(`x`) && !Method(`POST`)',
      'OdooMethod(`read`)',
      'GET https://erp.example/json/2/x/read',
    ],
    [
      'a regular expression for hosts',
      'HostRegexp(`^[a-z]+\\.shop\\.example$`)',
      'Path(`/x`)',
      'GET https://a.shop.example/x',
    ],
    [
      'a regular expression for paths',
      'PathRegexp(`^/my/[0-9]+$`)',
      'PathPrefix(`/my`)',
      'GET https://erp.example/my/0',
    ],
    ['everything', 'PathPrefix(`/`)', 'HostRegexp(`.`)', 'GET https://x/'],
  ])('an overlap by %s is shown by an example', (_, one, two, example) => {
    expect(overlaps({ one, two }).map(([zone, what]) => [zone, what])).toEqual([
      ['two', `Zones "two" and "one" (zones/one.yaml:2:8) both match ${example}.`],
    ]);
  });

  it.each<[string, string, string]>([
    ['hosts', 'Host(`a.example`)', 'Host(`b.example`)'],
    ['a host under a capture', 'Host(`{tenant}.example`)', 'Host(`a.b.example`)'],
    ['captures with different beginnings', 'Host(`a-{tenant}.example`)', 'Host(`b-{tenant}.example`)'],
    ['paths', 'Path(`/x`)', 'Path(`/x/`)'],
    ['a path and a prefix', 'Path(`/x`)', 'PathPrefix(`/x/`)'],
    ['prefixes', 'PathPrefix(`/web/`)', 'PathPrefix(`/webhook`)'],
    ['methods', 'Method(`GET`)', 'Method(`POST`)'],
    ['an excluded prefix', 'PathPrefix(`/web`)', 'PathPrefix(`/`) && !PathPrefix(`/web`)'],
    ['an excluded header', 'Header(`X-A`, `1`)', '!Header(`X-A`, `1`)'],
    ['ranges', 'ClientIP(`10.0.0.0/9`)', 'ClientIP(`10.128.0.0/9`)'],
    ['certificates', 'ClientCert()', '!ClientCert()'],
    ['listeners', 'Listener(`public`)', 'Listener(`internal`)'],
    ['Odoo models', 'OdooModel(`sale.*`)', 'OdooModel(`stock.*`)'],
    ['an Odoo call and a path', 'OdooModel(`*`)', 'PathPrefix(`/web`)'],
    ['a path that an expression excludes', 'PathRegexp(`^/a+$`)', 'Path(`/ab`)'],
  ])('nothing is reported of rules that differ in %s', (_, one, two) => {
    expect(issuesOf({ one, two })).toEqual([]);
  });

  it('proposes that the narrower zone overrides the wider one', () => {
    const wide = 'Host(`{tenant}.erp.example`)';
    const narrow = 'Host(`acme.erp.example`) && PathPrefix(`/json`)';
    const [first] = overlaps({ wide, narrow });
    const [second] = overlaps({ narrow, wide });
    expect(first?.[2]).toBe('Narrow one of the two rules, or write "overrides: [wide]" here.');
    expect(second?.[2]).toBe('Narrow one of the two rules, or write "overrides: [wide]" in zone "narrow".');
  });

  it('is silent where one overrides the other, directly or through a third', () => {
    const rules = { a: 'Path(`/x`)', b: 'PathPrefix(`/x`)', c: 'PathPrefix(`/`)' };
    expect(issuesOf(rules, { a: ['b'], b: ['c'] })).toEqual([]);
  });

  it('is silent where a third zone takes all that two zones share', () => {
    const rules = { one: 'Host(`a.example`)', two: 'Path(`/x`)', both: 'Host(`a.example`) && Path(`/x`)' };
    expect(issuesOf(rules, { both: ['one', 'two'] })).toEqual([]);
  });

  it('reports a zone that reads two tenants from one host', () => {
    expect(overlaps({ one: 'Host(`{tenant}.example`) || Host(`api-{tenant}.example`)' })).toEqual([
      [
        'one',
        'Zone "one" reads two tenants from the host of GET https://api-acme.example/.',
        'Keep one of the two captures, or make their hosts differ beside the capture.',
      ],
    ]);
  });

  it('reports a zone that is covered by those that override it', () => {
    expect(
      issuesOf(
        {
          lost: 'Host(`a.example`) && (Path(`/x`) || PathPrefix(`/y/`))',
          x: 'Path(`/x`)',
          y: 'PathPrefix(`/y`)',
        },
        { x: ['lost'], y: ['lost'] },
      ),
    ).toEqual([
      {
        zone: 'lost',
        issue: {
          path: ['match'],
          offset: 0,
          what: 'Every request that zone "lost" matches is taken by "x" (zones/x.yaml:2:8) and "y" (zones/y.yaml:2:8), which overrides it.',
          consequence: 'No request could reach this zone, so its policy would never apply.',
          fix: 'Narrow the overriding rule, turn the overrides around, or remove this zone.',
        },
      },
    ]);
  });

  it('is silent about a zone that keeps a part of its requests', () => {
    expect(issuesOf({ kept: 'Path(`/x`) || Path(`/y`)', x: 'Path(`/x`)' }, { x: ['kept'] })).toEqual([]);
  });

  it('reports the issues of all zones at once, and compares those that read', () => {
    expect(
      issuesOf(
        { bad: 'Hots(`a`)', worse: 'Path(`x`)', one: 'Path(`/x`)', two: 'Path(`/x`)' },
        { one: ['tow'] },
      ).map(({ zone, issue }) => [zone, issue.path, issue.what]),
    ).toEqual([
      ['bad', ['match'], 'There is no matcher Hots.'],
      ['worse', ['match'], '"x" does not start with a slash.'],
      ['one', ['overrides', 0], 'Zone "one" overrides "tow", but there is no such zone.'],
      ['two', ['match'], 'Zones "two" and "one" (zones/one.yaml:2:8) both match GET https://erp.example/x.'],
    ]);
  });

  it('reports no more overlaps than a reader can use', () => {
    const rules = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`zone${i}`, 'Path(`/x`)']));
    const found = issuesOf(rules);
    expect(found).toHaveLength(50);
    expect(found.filter(({ zone }) => zone === 'zone30').length).toBeLessThanOrEqual(3);
  });
});
