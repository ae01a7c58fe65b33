import { describe, expect, it } from 'vitest';
import { compileIdentities } from '../auth/compile.ts';
import { identitiesSchema } from '../auth/options.ts';
import type { ConfigPath } from '../core/issue.ts';
import { poolsSchema } from '../pools/options.ts';
import { compilePools } from '../pools/compile.ts';
import { compileZone, type ZoneSurroundings } from './compile-zone.ts';
import { zoneSchema } from './schema.ts';

const { identities } = compileIdentities(
  identitiesSchema.parse({ issuers: [{ name: 'keycloak', issuer: 'https://id.example' }] }),
  0,
);
const endpoints = [{ url: 'http://127.0.0.1:8069', seats: 4 }];
const { pools } = compilePools(
  poolsSchema.parse({
    pools: [
      { name: 'people', endpoints },
      { name: 'machines', endpoints: [{ url: 'http://127.0.0.1:8070', seats: 4 }] },
      { name: 'tunnels', kind: 'websocket', endpoints: [{ url: 'http://127.0.0.1:8072', seats: 4 }] },
    ],
  }),
);
const ownFiguresOf = () => [];
const surroundings: ZoneSurroundings = { identities, pools, ownFiguresOf };
const byToken = { any: [{ jwt: { issuer: 'keycloak', audience: 'bulkhead' } }] };

function compile(section: object, around: ZoneSurroundings = surroundings) {
  const options = zoneSchema.parse({
    zone: 'erp',
    match: 'Host(`erp.example`)',
    identify: 'none',
    pools: { interactive: 'people' },
    ...section,
  });
  return compileZone(options, around, (path: ConfigPath) => `erp.yaml:${path.join('.')}`);
}

describe('compileZone', () => {
  it('keeps for each part where it is written', () => {
    const { zone, issues } = compile({
      match: 'Host(`{tenant}.example`)',
      address: { deny: ['192.0.2.0/24'], guard: { rate: '9/s' } },
      identify: byToken,
      tenant: { from: ['host', 'principal'] },
      allow: { odoo: [{ model: 'sale.order', methods: ['read'] }] },
      workload: { default: 'batch' },
      limits: [{ name: 'one', key: 'tenant', rate: '5/s' }],
      pools: { interactive: 'people', batch: 'machines', websocket: 'tunnels' },
      headers: { passAuthorization: true, pass: ['stripe-signature', 'x-hub-*'] },
    });
    const { address, identify, odoo, workload, limits, ...rest } = zone;
    expect(issues).toEqual([]);
    expect(rest).toEqual({
      name: 'erp',
      at: 'erp.yaml:match',
      bruteForce: { enabled: true, at: 'erp.yaml:bruteForce' },
      calls: {
        maxBodyBytes: 1_048_576,
        keepBytes: 10_485_760,
        passesUnread: false,
        passesDatabases: false,
        removesDebug: true,
        at: {
          maxBody: 'erp.yaml:odoo.maxBody',
          unreadable: 'erp.yaml:odoo.unreadable',
          databaseManager: 'erp.yaml:odoo.databaseManager',
          debug: 'erp.yaml:odoo.debug',
        },
      },
      tenant: { from: ['host', 'principal'], at: 'erp.yaml:tenant' },
      pools: {
        interactive: { pool: 'people', at: 'erp.yaml:pools.interactive' },
        batch: { pool: 'machines', at: 'erp.yaml:pools.batch' },
        static: { pool: 'people', at: 'erp.yaml:pools.interactive' },
        websocket: { pool: 'tunnels', at: 'erp.yaml:pools.websocket' },
      },
      poolsByTier: {},
      forwarding: { passAuthorization: true, passFields: ['stripe-signature', 'x-hub-*'] },
    });
    expect([
      address.at,
      address.guard?.at,
      identify.at,
      identify.alternatives[0]?.at,
      odoo?.at,
      odoo?.entries[0]?.at,
      workload.byDefault.at,
      limits[0]?.at,
    ]).toEqual([
      'erp.yaml:address',
      'erp.yaml:address.guard',
      'erp.yaml:identify',
      'erp.yaml:identify.any.0',
      'erp.yaml:allow.odoo',
      'erp.yaml:allow.odoo.0',
      'erp.yaml:workload.default',
      'erp.yaml:limits.0',
    ]);
  });

  it('reads no more of a body than the zone takes', () => {
    const { zone, issues } = compile({ maxBody: '64KiB' });
    expect(issues).toEqual([]);
    expect(zone.maxBody).toEqual({ bytes: 65_536, at: 'erp.yaml:maxBody' });
    expect([zone.calls.maxBodyBytes, zone.calls.keepBytes]).toEqual([65_536, 65_536]);
    const large = compile({ maxBody: '10MiB' }).zone.calls;
    expect([large.maxBodyBytes, large.keepBytes]).toEqual([1_048_576, 10_485_760]);
    expect(compile({ maxBody: '11MiB' }).issues).toEqual([
      {
        path: ['maxBody'],
        what: '"11MiB" is more than the pools of the zone take, which is 10MiB.',
        consequence: 'Larger bodies would be refused all the same.',
        fix: 'Write at most 10MiB, or raise maxBody of a pool.',
      },
    ]);
  });

  it('lays the pools of a tier over those of the zone, and only then fills the gaps', () => {
    const { zone, issues } = compile({
      pools: {
        interactive: 'people',
        websocket: 'tunnels',
        tiers: { dedicated: { batch: 'machines' }, 'semi-isolated': { interactive: 'machines' }, shared: {} },
      },
    });
    const people = { pool: 'people', at: 'erp.yaml:pools.interactive' };
    const websocket = { pool: 'tunnels', at: 'erp.yaml:pools.websocket' };
    const own = (path: string) => ({ pool: 'machines', at: `erp.yaml:pools.tiers.${path}` });
    const semi = own('semi-isolated.interactive');
    expect(issues).toEqual([]);
    expect(zone.poolsByTier).toEqual({
      shared: { interactive: people, batch: people, static: people, websocket },
      'semi-isolated': { interactive: semi, batch: semi, static: semi, websocket },
      dedicated: { interactive: people, batch: own('dedicated.batch'), static: people, websocket },
    });
  });

  it.each<[string, object, ConfigPath, string, string, string]>([
    [
      'a pool of a tier that does not exist',
      { pools: { interactive: 'people', tiers: { dedicated: { batch: 'machine' } } } },
      ['pools', 'tiers', 'dedicated', 'batch'],
      '"machine" is not a pool in pools.yaml.',
      'batch requests could not be served.',
      'Write machines if that is meant, or add "machine" to pools.yaml.',
    ],
    [
      'a pool of a tier that is of the wrong kind',
      { pools: { interactive: 'people', tiers: { shared: { static: 'tunnels' } } } },
      ['pools', 'tiers', 'shared', 'static'],
      'Pool "tunnels" is of kind websocket, and static requests need one of kind http.',
      'Odoo answers on the wrong port with an error.',
      'Write the name of a pool with kind: http.',
    ],
    [
      'a pool that resembles no other',
      { pools: { interactive: 'q' } },
      ['pools', 'interactive'],
      '"q" is not a pool in pools.yaml.',
      'interactive requests could not be served.',
      'Write the name of a pool in pools.yaml, or add it there.',
    ],
    [
      'a zone without workers',
      { pools: { websocket: 'tunnels' } },
      ['pools'],
      'The zone has neither an interactive nor a batch pool.',
      'No request could be served.',
      'Add interactive: or batch: with the name of a pool in pools.yaml.',
    ],
    [
      'a field that the gateway sets',
      { headers: { pass: ['x-forwarded-for'] } },
      ['headers', 'pass', 0],
      '"x-forwarded-for" is set by the gateway itself.',
      'A client could pretend to be somebody else.',
      'Remove it from the list.',
    ],
    [
      'a family of fields that the gateway sets',
      { headers: { pass: ['x-hub-*', 'x-odoo-*'] } },
      ['headers', 'pass', 1],
      '"x-odoo-*" is set by the gateway itself.',
      'A client could pretend to be somebody else.',
      'Remove it from the list.',
    ],
    [
      'a name that the gateway sets, written as a family',
      { headers: { pass: ['authorization*'] } },
      ['headers', 'pass', 0],
      '"authorization*" is set by the gateway itself.',
      'A client could pretend to be somebody else.',
      'Remove it from the list.',
    ],
    [
      'a tenant of a credential that nobody has',
      { match: 'Host(`{tenant}.example`)', tenant: { from: ['host', 'principal'] } },
      ['tenant', 'from', 1],
      'The tenant is to be read from the credential, but the zone identifies nobody.',
      'This source would never name a tenant.',
      'Remove principal, or add credentials under identify.',
    ],
    [
      'an issuer that does not exist',
      { identify: { any: [{ jwt: { issuer: 'keyclok', audience: 'bulkhead' } }] } },
      ['identify', 'any', 0, 'jwt', 'issuer'],
      '"keyclok" is not an issuer in identities.yaml.',
      'Nobody could be identified by this entry.',
      'Write keycloak if that is meant, or add "keyclok" to issuers in identities.yaml.',
    ],
    [
      'a guard that cannot be counted exactly',
      { address: { guard: { rate: '7/d', burst: 1_000_000_000 } } },
      ['address', 'guard', 'rate'],
      '"7/d" with a burst of 1000000000 is too fine to be counted exactly.',
      'The budget would be rounded and could admit more than it says.',
      'Write a burst of at most 52124, or a rate that divides its period more evenly.',
    ],
  ])('reports %s', (_title, section, path, what, consequence, fix) => {
    expect(compile(section).issues).toEqual([{ path, what, consequence, fix }]);
  });

  it('does not complain about what a broken file may define', () => {
    const section = { identify: { any: [{ jwt: { issuer: 'x', audience: 'y' } }] }, pools: { batch: 'z' } };
    expect(compile(section, { identities: undefined, pools: undefined, ownFiguresOf }).issues).toEqual([]);
    expect(compile(section).issues).toHaveLength(2);
  });

  it('takes a limit for each principal where callers are identified', () => {
    const limits = [{ name: 'one', key: 'principal', rate: '5/s' }];
    expect(compile({ identify: byToken, limits }).issues).toEqual([]);
    expect(compile({ limits }).issues.map(({ path }) => path)).toEqual([['limits', 0, 'key']]);
  });
});
