import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routeOf } from '../../src/demo/odoo-request.ts';
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts';
import { type Arrival, watchArrivals } from './arrivals.ts';
import { askOnce, reasonOf } from './wire-connection.ts';

// Odoo's database manager lets anybody who reaches it drop a database. Each spelling here is one that some server in front of
// Odoo let through, or that werkzeug or gevent read as /web/database/manager.

const hosts = {
  employee: 'acme.erp.example',
  public: 'acme.api.erp.example',
  partner: 'acme.partner.erp.example',
};

/** Targets, and what becomes of them where the database manager is closed. */
const tricks: [target: string, refusal: string][] = [
  // The plain path, and what is it once decoded: no zone covers it.
  ['/web/database/manager', '404 no_zone'],
  ['/web/database/manager/', '404 no_zone'],
  ['/web/database/manager?x=/odoo', '404 no_zone'],
  ['/web/database/selector', '404 no_zone'],
  ['/web/database', '404 no_zone'],
  ['/web/%64atabase/manager', '404 no_zone'],
  ['/%77%65%62/%64%61%74%61%62%61%73%65/manager', '404 no_zone'],
  ['/web/databas%65/manager', '404 no_zone'],
  ['/web/database/manage%72', '404 no_zone'],
  // Encoded and doubled slashes: werkzeug decodes once, then takes slashes off the front.
  ['//web/database/manager', '400 path_ambiguous'],
  ['///web/database/manager', '400 path_ambiguous'],
  ['/%2fweb/database/manager', '400 path_ambiguous'],
  ['/web%2Fdatabase%2Fmanager', '400 path_ambiguous'],
  ['/web%2fdatabase/manager', '400 path_ambiguous'],
  ['/web//database/manager', '400 path_ambiguous'],
  ['/web/database/manager%2f', '400 path_ambiguous'],
  ['/web/database/manager//', '400 path_ambiguous'],
  ['/web/database%252fmanager', '400 path_ambiguous'],
  ['/web%252Fdatabase%252Fmanager', '400 path_ambiguous'],
  ['/%252e%252e/web/database/manager', '400 path_ambiguous'],
  // Dot segments.
  ['/odoo/../web/database/manager', '400 path_ambiguous'],
  ['/my/../web/database/manager', '400 path_ambiguous'],
  ['/./web/database/manager', '400 path_ambiguous'],
  ['/web/./database/manager', '400 path_ambiguous'],
  ['/web/x/%2e%2e/database/manager', '400 path_ambiguous'],
  ['/web/x/.%2E/database/manager', '400 path_ambiguous'],
  ['/web/x/%2e./database/manager', '400 path_ambiguous'],
  ['/odoo/..%2fweb/database/manager', '400 path_ambiguous'],
  ['/odoo/..', '400 path_ambiguous'],
  // Path parameters, as servers of Java cut them off.
  ['/web;x/database/manager', '400 path_ambiguous'],
  ['/web/database/manager;x=1', '400 path_ambiguous'],
  ['/odoo/..;/web/database/manager', '400 path_ambiguous'],
  ['/web/database;/manager', '400 path_ambiguous'],
  // Backslashes, and characters that end or begin something for somebody.
  ['/web\\database\\manager', '400 path_ambiguous'],
  ['/web%5cdatabase%5cmanager', '400 path_ambiguous'],
  ['\\web\\database\\manager', '400 framing_invalid'],
  ['/web/database/manager%00', '400 path_ambiguous'],
  ['/web/database/manager%00.css', '400 path_ambiguous'],
  ['/web/database/manager#/odoo', '400 path_ambiguous'],
  ['/odoo#/../web/database/manager', '400 path_ambiguous'],
  ['/odoo?x#/web/database/manager', '400 target_invalid'],
  ['/web/database/%0d%0amanager', '400 path_ambiguous'],
  ['/web/database/%09manager', '400 path_ambiguous'],
  ['/web/database/%7fmanager', '400 path_ambiguous'],
  ['/web/%c2%85database/manager', '400 path_ambiguous'],
  // Look-alikes of delimiters, overlong and broken UTF-8, raw bytes.
  ['/web%c0%afdatabase%c0%afmanager', '400 path_ambiguous'],
  ['/web%e0%80%afdatabase/manager', '400 path_ambiguous'],
  ['/web%ef%bc%8fdatabase%ef%bc%8fmanager', '400 path_ambiguous'],
  ['/web%e2%88%95database/manager', '400 path_ambiguous'],
  ['/odoo/%ef%bc%8e%ef%bc%8e/web/database/manager', '400 path_ambiguous'],
  ['/web/%ffdatabase/manager', '400 path_ambiguous'],
  ['/web/\xc3\xa9/database/manager', '400 framing_invalid'],
  ['/web/\xffdatabase/manager', '400 framing_invalid'],
  // Broken escapes: one decoder keeps them, the next one drops the percent sign.
  ['/web/%/database/manager', '400 path_ambiguous'],
  ['/web/%6/database/manager', '400 path_ambiguous'],
  ['/web/%zz/database/manager', '400 path_ambiguous'],
  ['/web/%u0064atabase/manager', '400 path_ambiguous'],
  // Other forms of a target: urlsplit of Python takes any scheme and authority.
  ['http://acme.erp.example/web/database/manager', '400 target_invalid'],
  ['http://admin.erp.example/web/database/manager', '400 target_invalid'],
  ['HTTP://evil/web/database/manager', '400 target_invalid'],
  ['http:/web/database/manager', '400 framing_invalid'],
  ['http:web/database/manager', '400 framing_invalid'],
  ['x:/web/database/manager', '400 framing_invalid'],
  ['web/database/manager', '400 framing_invalid'],
  ['?/web/database/manager', '400 framing_invalid'],
  ['*', '400 target_invalid'],
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
    test.each(tricks)('by %j', async (target, refusal) => {
      const { answer, arrived } = await ask(host, target);
      expect([`${answer.status} ${reasonOf(answer)}`, arrived]).toEqual([refusal, []]);
    });

    // Odoo takes an installed language off the path before it looks for a route (http_routing).
    test.each(['/de/web/database/manager', '/de_DE/web/database/manager', '/de/%77eb/database/manager'])(
      'by %j',
      async (target) => {
        const { answer, arrived } = await ask(host, target);
        expect([answer.status, reasonOf(answer), arrived, zone]).toEqual([404, 'no_zone', [], zone]);
      },
    );
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
