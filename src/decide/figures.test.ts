import { describe, expect, it } from 'vitest';
import { type Asked, openScene } from '../../test/support/decision-scene.ts';
import type { DecisionJson } from './decision-json.ts';

const partner = `zone: partner
match: Host(\`{tenant}.partner.example\`)
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
tenant: { from: [host] }
limits:
  - name: whole
    key: zone
    rate: 10/h
    overrides:
      - { tier: dedicated, rate: 3/h }
  - name: by-tenant
    key: tenant
    rate: 4/h
    overrides:
      - { tier: dedicated, rate: 6/h }
      - { principal: robot, issuer: keycloak, rate: 2/h }
  - name: tighter-soon
    key: tenant
    rate: 2/h
    shadow: true
    overrides:
      - { tier: dedicated, rate: 5/h }
pools: { interactive: people }
`;

const timed = `zone: timed
match: Host(\`timed.example\`)
identify: none
limits:
  - name: calls
    key: zone
    rate: 60/m
    burst: 6
    schedule:
      - { name: cut-off, from: "16:00", to: "18:00", timezone: Europe/Berlin, rate: 60/m, burst: 2 }
pools: { interactive: people }
`;

const of = (tenant: string, sub = 'edi'): [request: string, asked: Asked] => [
  `GET https://${tenant}.partner.example/`,
  { as: { jwt: { sub } } },
];
const told = ({ limits }: DecisionJson) =>
  limits.map(({ name, key, remaining, figures, at }) => [name, key, remaining, figures, at.split(':')[1]]);

describe('figures of an override', () => {
  it('govern alone, each limit for itself, and say where they stand', () => {
    const scene = openScene({ partner });
    expect(told(scene.ask(...of('acme')))).toEqual([
      ['whole', 'partner', 9, 'default', '6'],
      ['by-tenant', 'acme', 3, 'default', '11'],
      ['tighter-soon', 'acme', 1, 'default', '17'],
    ]);
    expect(told(scene.ask(...of('globex')))).toEqual([
      ['whole', 'partner', 2, 'tier dedicated', '10'],
      ['by-tenant', 'globex', 5, 'tier dedicated', '15'],
      ['tighter-soon', 'globex', 4, 'tier dedicated', '22'],
    ]);
  });

  it('are not exceeded together with those of everybody: nobody is counted twice', () => {
    const scene = openScene({ partner });
    for (let i = 0; i < 4; i++) scene.ask(...of('acme'));
    expect(scene.ask(...of('acme')).reason).toBe('limit_exceeded');
    // Of the zone's ten, acme has taken four and globex none.
    expect(told(scene.explain(...of('globex')))[0]).toEqual(['whole', 'partner', 3, 'tier dedicated', '10']);
    expect(told(scene.explain(...of('initech')))[0]).toEqual(['whole', 'partner', 6, 'default', '6']);
  });

  it('of a caller leave the budget of its tenant alone where the two share one', () => {
    const scene = openScene({ partner });
    for (let i = 0; i < 2; i++) expect(scene.ask(...of('acme', 'robot')).decision).toBe('allow');
    const refused = scene.ask(...of('acme', 'robot'));
    expect([refused.reason, refused.at]).toEqual(['limit_exceeded', 'zones/partner.yaml:16:9']);
    expect(told(scene.explain(...of('acme')))[1]).toEqual(['by-tenant', 'acme', 4, 'default', '11']);
  });

  it('of a shadow limit are tried beside those that are enforced', () => {
    const scene = openScene({ partner });
    for (let i = 0; i < 2; i++) scene.ask(...of('acme'));
    const verdicts = ({ decision, limits }: DecisionJson) => [
      decision,
      ...limits.map(({ admitted, figures }) => [admitted, figures]),
    ];
    expect(verdicts(scene.ask(...of('acme')))).toEqual([
      'allow',
      [true, 'default'],
      [true, 'default'],
      [false, 'default'],
    ]);
    for (let i = 0; i < 2; i++) scene.ask(...of('globex'));
    expect(verdicts(scene.ask(...of('globex')))).toEqual([
      'allow',
      [true, 'tier dedicated'],
      [true, 'tier dedicated'],
      [true, 'tier dedicated'],
    ]);
  });

  it('are what a dry decision names, too', () => {
    const scene = openScene({ partner });
    for (const asked of [of('acme'), of('globex'), of('acme', 'robot')]) {
      const figures = ({ limits }: DecisionJson) => limits.map((limit) => [limit.figures, limit.at]);
      expect(figures(scene.explain(...asked))).toEqual(figures(scene.ask(...asked)));
    }
  });

  it('can be those of a quota or of requests in progress', () => {
    const contract = `zone: contract
match: Host(\`{tenant}.partner.example\`)
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
tenant: { from: [host] }
limits:
  - { name: daily, key: tenant, quota: 10/day, overrides: [{ tier: dedicated, quota: 20/day }] }
  - name: parallel
    key: tenant
    inFlight: 3
    overrides: [{ tier: dedicated, inFlight: 5 }]
    schedule: [{ name: night, from: "22:00", to: "06:00", timezone: UTC, inFlight: 1 }]
pools: { interactive: people }
`;
    const scene = openScene({ contract });
    // The clock of a scene begins at midnight.
    expect(told(scene.explain(...of('acme')))).toEqual([
      ['daily', 'acme', 10, 'default', '6'],
      ['parallel', 'acme', 1, 'default, night', '11'],
    ]);
    scene.clock.advance(6 * 3_600_000);
    expect(told(scene.explain(...of('acme')))[1]).toEqual(['parallel', 'acme', 3, 'default', '7']);
    expect(told(scene.explain(...of('globex')))).toEqual([
      ['daily', 'globex', 20, 'tier dedicated', '6'],
      ['parallel', 'globex', 5, 'tier dedicated', '10'],
    ]);
    for (let i = 0; i < 5; i++) expect(scene.ask(...of('globex')).decision).toBe('allow');
    expect(scene.ask(...of('globex'))).toMatchObject({
      reason: 'limit_exceeded',
      at: 'zones/contract.yaml:10:17',
    });
  });

  it('stand in the trace where they are not those of everybody', () => {
    const notes = ({ trace }: DecisionJson) =>
      trace.filter(({ stage }) => stage === 'limit').map(({ note }) => note);
    const scene = openScene({ partner });
    expect(notes(scene.explain(...of('acme', 'robot')))).toEqual([
      'whole of partner: costs 1, 10 left',
      'by-tenant of acme: costs 1, 2 left; figures: principal robot of keycloak',
      'tighter-soon of acme: costs 1, 2 left',
    ]);
  });
});

describe('figures of a schedule', () => {
  const request = 'GET https://timed.example/';
  const minutes = (count: number): number => count * 60_000;

  it('come and go with the time, and what was spent before stays spent', () => {
    const scene = openScene({ timed });
    // The clock of a scene begins at 01:00 in Berlin.
    scene.clock.advance(minutes(15 * 60) - 1000);
    expect(told(scene.ask(request))).toEqual([['calls', 'timed', 5, 'default', '5']]);
    for (let i = 0; i < 4; i++) scene.ask(request);
    // One token comes back in this second; a burst of two has no room for what is owed beyond it.
    scene.clock.advance(1000);
    expect(told(scene.ask(request))).toEqual([['calls', 'timed', 0, 'default, cut-off', '10']]);
    expect(scene.ask(request)).toMatchObject({ reason: 'limit_exceeded', at: 'zones/timed.yaml:10:9' });
    scene.clock.advance(minutes(60));
    expect(told(scene.ask(request))).toEqual([['calls', 'timed', 1, 'default, cut-off', '10']]);
    scene.clock.advance(minutes(60));
    expect(told(scene.ask(request))).toEqual([['calls', 'timed', 5, 'default', '5']]);
  });
});
