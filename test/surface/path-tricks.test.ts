import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routeOf } from '../../src/demo/odoo-request.ts';
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts';
import { type Arrival, watchArrivals } from './arrivals.ts';
import { askOnce, reasonOf } from './wire-connection.ts';

// Odoo's database manager lets anybody who reaches it drop a database. The zones of the example close it, in every spelling that is
// one path for everybody.

const hosts = {
  employee: 'acme.erp.example',
  public: 'acme.api.erp.example',
  partner: 'acme.partner.erp.example',
};

/**
 * What is the plain path once decoded: no zone covers it. Every spelling that can be read in more than one way is refused before
 * a zone is looked for; those are in the table of `test/wire`.
 */
const tricks: string[] = [
  '/web/database/manager',
  '/web/database/manager/',
  '/web/database/manager?x=/odoo',
  '/web/database/selector',
  '/web/database',
  '/web/%64atabase/manager',
  '/%77%65%62/%64%61%74%61%62%61%73%65/manager',
  '/web/databas%65/manager',
  '/web/database/manage%72',
  // Odoo takes an installed language off the path before it looks for a route (http_routing).
  '/de/web/database/manager',
  '/de_DE/web/database/manager',
  '/de/%77eb/database/manager',
];

/** Read as another path, and served as that: what matters is that Odoo reads it so too. */
const harmless: [target: string, path: string][] = [
  ['/odoo/x/web/database/manager', '/odoo/x/web/database/manager'],
  ['/odoo?path=/web/database/manager', '/odoo'],
  ['/odoo?/../web/database/manager', '/odoo'],
  ['/odoo/%20web/database/manager', '/odoo/ web/database/manager'],
  ['/odoo/%3fweb/database/manager', '/odoo/?web/database/manager'],
  ['/odoo/%23web/database/manager', '/odoo/#web/database/manager'],
  ['/odoo/%3bweb/database/manager', '/odoo/;web/database/manager'],
  ['/odoo/...', '/odoo/...'],
  ['/WEB/DATABASE/MANAGER', '/WEB/DATABASE/MANAGER'],
];

describe('the database manager', () => {
  let gateway: TestGateway;
  let arrivals: () => Arrival[];
  let canaries = 0;
  beforeAll(async () => {
    gateway = await startTestGateway();
    arrivals = watchArrivals([gateway.interactive, gateway.batch, gateway.websocket], 'canary=');
  });
  afterAll(() => gateway.stop());

  const ask = async (host: string, target: string) => {
    // Each from an address of its own: this is about paths, not about limits.
    const from = `X-Forwarded-For: 10.0.${canaries >> 8}.${canaries++ & 255}\r\n`;
    const answer = await askOnce(gateway.proxyPort, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${from}\r\n`);
    const canary = await askOnce(
      gateway.proxyPort,
      `GET /web/login?canary=${canaries} HTTP/1.1\r\nHost: ${hosts.employee}\r\n${from}\r\n`,
    );
    expect(canary.status).toBe(200);
    return { answer, arrived: arrivals() };
  };

  describe.each(Object.entries(hosts))('is not reached from the %s host', (zone, host) => {
    test.each(tricks)('by %j', async (target) => {
      const { answer, arrived } = await ask(host, target);
      expect([answer.status, reasonOf(answer), arrived, zone]).toEqual([404, 'no_zone', [], zone]);
    });
  });

  test.each(harmless)('is not what Odoo reads in %j', async (target, path) => {
    const { answer, arrived } = await ask(hosts.employee, target);
    const seen = JSON.parse(answer.fields['x-seen'] ?? '{}') as { path: string };
    expect(seen.path).toBe(path);
    expect(routeOf(seen.path)).not.toEqual({ route: '/web/database/manager' });
    expect(arrived).toHaveLength(1);
  });

  test('is reached on the admin host by an administrator, in its one spelling', async () => {
    const token = await gateway.identity.tokenFor('admin');
    const admin = (target: string) =>
      askOnce(
        gateway.proxyPort,
        `GET ${target} HTTP/1.1\r\nHost: admin.erp.example\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
    const plain = await admin('/web/database/manager');
    expect([plain.status, plain.body]).toEqual([200, expect.stringContaining('Database Manager')]);
    expect(reasonOf(await admin('//web/database/manager'))).toBe('path_ambiguous');
    expect(arrivals().map((arrival) => arrival.line)).toEqual(['GET /web/database/manager HTTP/1.1']);
  });

  test('is reached in an escaped spelling only as the path that was judged', async () => {
    const token = await gateway.identity.tokenFor('admin');
    await askOnce(
      gateway.proxyPort,
      `GET /web/%64atabase/manager%7e HTTP/1.1\r\nHost: admin.erp.example\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    expect(arrivals().map((arrival) => arrival.line)).toEqual(['GET /web/database/manager~ HTTP/1.1']);
  });
});
