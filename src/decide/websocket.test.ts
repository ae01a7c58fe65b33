import { describe, expect, it } from 'vitest';
import { openScene } from '../../test/support/decision-scene.ts';

const zoneWith = (pools: string, more = '') => `zone: erp
match: Host(\`{tenant}.erp.example\`)
identify: none
tenant: { from: [host] }
limits: [{ name: by-tenant, key: tenant, rate: 5/h, cost: { websocket: 2 } }]
${more}pools: ${pools}
`;
const erp = zoneWith('{ interactive: people, websocket: tunnels }');

const handshake = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  origin: 'https://acme.erp.example',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const socket = 'GET https://acme.erp.example/websocket?version=19.0-2';

describe('a WebSocket handshake on /websocket', () => {
  it('goes to the websocket pool, as a workload of its own', () => {
    const { decision, workload, pool, limits, at } = openScene({ erp }).ask(socket, { headers: handshake });
    expect({ decision, workload, pool, at }).toEqual({
      decision: 'allow',
      workload: 'websocket',
      pool: 'tunnels',
      at: 'zones/erp.yaml:2:8',
    });
    expect(limits.map(({ name, cost, remaining }) => [name, cost, remaining])).toEqual([['by-tenant', 2, 3]]);
  });

  it.each([
    'https://acme.erp.example',
    'http://acme.erp.example',
    'https://acme.erp.example:8443',
    'HTTPS://ACME.ERP.EXAMPLE',
  ])('is admitted from its own origin %s', (origin) => {
    expect(openScene({ erp }).ask(socket, { headers: { ...handshake, origin } }).decision).toBe('allow');
  });

  // Odoo opens a socket for any page that the browser of a user shows, with the cookie of that user.
  it.each([
    'https://evil.example',
    'https://globex.erp.example',
    'https://erp.example',
    'https://x.acme.erp.example',
    'https://acme.erp.example.evil.example',
    'https://evil.example/acme.erp.example',
    'https://evil.example#acme.erp.example',
    'https://acme.erp.example@evil.example',
    'https://acme.erp.example:x@evil.example',
    'https://acme.erp.example:443/',
    'ftp://acme.erp.example',
    'file://acme.erp.example',
    'acme.erp.example',
    'null',
    '',
  ])('is refused from the origin %j', (origin) => {
    const { reason, status, at } = openScene({ erp }).ask(socket, { headers: { ...handshake, origin } });
    expect({ reason, status, at }).toEqual({ reason: 'origin_not_allowed', status: 403, at: '' });
  });

  it('is refused without an origin', () => {
    const { origin: _, ...headers } = handshake;
    expect(openScene({ erp }).ask(socket, { headers }).reason).toBe('origin_not_allowed');
  });

  it('is refused where the zone has no websocket pool, and spends nothing', () => {
    const scene = openScene({ erp: zoneWith('{ interactive: people }') });
    const { reason, status, at, workload, pool, limits, trace } = scene.ask(socket, { headers: handshake });
    expect({ reason, status, at, workload, pool, limits }).toEqual({
      reason: 'workload_not_served',
      status: 403,
      at: 'zones/erp.yaml:2:8',
      workload: 'websocket',
      pool: null,
      limits: [],
    });
    expect(trace.at(-1)).toEqual({
      stage: 'workload',
      outcome: 'workload_not_served',
      at: 'zones/erp.yaml:2:8',
      note: '',
    });
    expect(scene.limits.size).toBe(0);
  });

  it('goes to the websocket pool of the zone where a tier names other pools only', () => {
    const tiers = 'tiers: { dedicated: { interactive: people-of-globex } }';
    const scene = openScene({ erp: zoneWith(`{ interactive: people, websocket: tunnels, ${tiers} }`) });
    const headers = { ...handshake, origin: 'https://globex.erp.example' };
    expect(scene.ask(socket.replace('acme', 'globex'), { headers }).pool).toBe('tunnels');
  });
});

describe('refused as upgrade_invalid is', () => {
  it.each([
    ['a handshake on another path', 'GET https://acme.erp.example/odoo', handshake],
    ['a handshake below the path', 'GET https://acme.erp.example/websocket/health', handshake],
    ['a handshake with a slash behind the path', 'GET https://acme.erp.example/websocket/', handshake],
    ['a plain request to the path', socket, {}],
    ['a POST to the path', socket.replace('GET', 'POST'), {}],
  ])('%s', (_title, request, headers) => {
    const { decision, reason, status, at } = openScene({ erp }).ask(request, { headers });
    expect({ decision, reason, status, at }).toEqual({
      decision: 'refuse',
      reason: 'upgrade_invalid',
      status: 400,
      at: '',
    });
  });
});

describe('a plain request beside the socket', () => {
  it.each([
    '/websocket/peek_notifications',
    '/websocket/on_closed',
    '/bus/websocket_worker_bundle',
    '/websockets',
  ])('to %s goes to the workers', (path) => {
    const { workload, pool } = openScene({ erp }).ask(`POST https://acme.erp.example${path}`);
    expect({ workload, pool }).toEqual({ workload: 'interactive', pool: 'people' });
  });
});
