import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import { loadFirst } from '../../src/config/keeper.ts';
import { startWorkerGateway } from '../../src/gateway/gateway.ts';
import { ask, runGateway, type RunningGateway, trustingGateway } from '../support/running-gateway.ts';
import { writeFiles } from '../support/write-files.ts';
import { askOnce } from './wire-connection.ts';

// Endpoints that die, come back, move and are taken away while requests are under way.

const zone = `zone: shop
match: Host(\`shop.example\`)
identify: none
pools: { interactive: odoo }
`;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(pool: string, own: Parameters<typeof runGateway>[2] = {}): Promise<RunningGateway> {
  const gateway = await runGateway({ 'zones/shop.yaml': zone, 'pools.yaml': pool }, {}, own);
  closing.push(() => gateway.stop());
  return gateway;
}

async function startHeld(...place: Parameters<typeof startHeldUpstream>): Promise<HeldUpstream> {
  const upstream = await startHeldUpstream(...place);
  closing.push(() => upstream.stop());
  return upstream;
}

/** A server that takes a moment for each request, as a worker does, and may be killed with all that it has at hand. */
async function startMortal() {
  const posted: string[] = [];
  let inProgress = 0;
  let broken = 0;
  let server: Server | undefined;
  const listen = (port: number): Promise<void> => {
    const fresh = createServer((request, response) => {
      if (request.method === 'POST') posted.push(request.url ?? '');
      inProgress++;
      const timer = setTimeout(() => response.writeHead(200, { connection: 'close' }).end('done'), 10);
      response.once('close', () => {
        inProgress--;
        if (!response.writableEnded) broken++;
        clearTimeout(timer);
      });
      request.resume();
    });
    server = fresh;
    return new Promise((resolve, reject) => fresh.once('error', reject).listen(port, '127.0.0.1', resolve));
  };
  await listen(0);
  const { port } = (server as unknown as Server).address() as AddressInfo;
  const die = (): Promise<void> =>
    new Promise((resolve) => {
      server?.close(() => resolve());
      server?.closeAllConnections();
    });
  closing.push(die);
  return {
    url: `http://127.0.0.1:${port}`,
    posted,
    inProgress: () => inProgress,
    broken: () => broken,
    die,
    revive: () => listen(port),
  };
}

describe('an endpoint that dies and comes back under load', () => {
  it('loses no request that may be repeated, and no POST is sent twice', async () => {
    const [first, second] = [await startMortal(), await startMortal()];
    const gateway = await start(`pools:
  - name: odoo
    endpoints: [{ url: "${first.url}", seats: 4 }, { url: "${second.url}", seats: 4 }]
    health: { interval: 100ms, timeout: 100ms }
    slowStart: 200ms
`);
    const statuses = { GET: new Map<number, number>(), POST: new Map<number, number>() };
    let answers = 0;
    const load = { over: false };
    const client = async (method: 'GET' | 'POST', name: number): Promise<void> => {
      for (let i = 0; !load.over; i++) {
        const { status } = await ask(gateway.proxyPort, `${method} http://shop.example/${name}/${i}`);
        statuses[method].set(status, (statuses[method].get(status) ?? 0) + 1);
        answers++;
      }
    };
    const clients = [1, 2, 3, 4, 5].flatMap((name) => [client('GET', name), client('POST', name)]);
    const after = (more: number): Promise<void> => {
      const until = answers + more;
      return eventually(() => expect(answers).toBeGreaterThan(until));
    };
    for (let i = 0; i < 2; i++) {
      await after(60);
      await eventually(() => expect(first.inProgress()).toBeGreaterThan(1));
      await first.die();
      await after(100);
      await first.revive();
      const before = first.posted.length;
      await eventually(() => expect(first.posted.length).toBeGreaterThan(before));
    }
    load.over = true;
    await Promise.all(clients);
    expect(first.broken()).toBeGreaterThan(0);
    expect([...statuses.GET.keys()]).toEqual([200]);
    const posted = [...first.posted, ...second.posted];
    expect(new Set(posted).size).toBe(posted.length);
    expect([...statuses.POST.keys()].filter((status) => status !== 200 && status !== 502)).toEqual([]);
  });

  it('is counted by why it went, and the pool says so when nobody is left', async () => {
    const first = await startMortal();
    const gateway = await start(`pools:
  - name: odoo
    endpoints: [{ url: "${first.url}", seats: 4 }]
    health: { interval: 100ms, timeout: 100ms }
`);
    await first.die();
    await eventually(async () => {
      const { status, fields } = await ask(gateway.proxyPort, 'GET http://shop.example/');
      expect([status, /^[12]$/.test(fields['retry-after'] ?? '')]).toEqual([503, true]);
    });
    expect(gateway.logged('endpoint is out of service')).toMatchObject([{ kind: 'unreachable' }]);
    expect(await gateway.metrics()).toMatchObject({
      'bulkhead_pool_endpoint_ejections_total{pool="odoo",cause="unreachable"}': 1,
    });
  });
});

describe('a name whose addresses change', () => {
  const pool = (port: number): string => `pools:
  - name: odoo
    endpoints: [{ dns: "odoo.test:${port}", seats: 2, refresh: 1s }]
    health: false
`;

  it('moves the traffic, and the requests in progress end where they are', async () => {
    const old = await startHeld('old');
    const fresh = await startHeld('fresh', { host: '127.0.0.2', port: old.port });
    fresh.hold(false);
    let addresses: string[] = ['127.0.0.1'];
    const asked: string[] = [];
    const gateway = await start(pool(old.port), {
      resolve: (host) => {
        asked.push(host);
        return Promise.resolve(addresses);
      },
    });
    const running = ask(gateway.proxyPort, 'POST http://shop.example/long');
    await eventually(() => expect(old.waiting()).toEqual(['/long']));
    addresses = ['127.0.0.2'];
    await eventually(() =>
      expect(gateway.logged('endpoints changed in the DNS').at(-1)).toMatchObject({
        pool: 'odoo',
        name: `odoo.test:${old.port}`,
        added: ['127.0.0.2'],
        removed: ['127.0.0.1'],
      }),
    );
    const moved = await ask(gateway.proxyPort, 'GET http://shop.example/next');
    expect([moved.status, moved.fields['x-upstream']]).toEqual([200, 'fresh']);
    const { body } = await askOnce(gateway.adminPort, 'GET /readyz HTTP/1.1\r\nHost: admin\r\n\r\n');
    expect(body).toContain('odoo 1/1 up and 1 leaving');
    old.release();
    expect((await running).fields['x-upstream']).toBe('old');
    expect(old.arrived).toEqual(['/long']);
    expect(new Set(asked)).toEqual(new Set(['odoo.test']));
  });

  it('goes on with the known addresses while it is not found, and shows that', async () => {
    const odoo = await startHeld();
    odoo.hold(false);
    let found = true;
    const gateway = await start(pool(odoo.port), {
      resolve: () => (found ? Promise.resolve(['127.0.0.1']) : Promise.resolve([])),
    });
    found = false;
    await eventually(() =>
      expect(gateway.logged('the name of endpoints was not found; those that are known stay')).toMatchObject([
        { pool: 'odoo', cause: 'no address' },
      ]),
    );
    expect((await ask(gateway.proxyPort, 'GET http://shop.example/')).status).toBe(200);
    const labels = `{pool="odoo",name="odoo.test:${odoo.port}"}`;
    expect(await gateway.metrics()).toMatchObject({
      [`bulkhead_pool_name_fresh${labels}`]: 0,
      [`bulkhead_pool_name_addresses${labels}`]: 1,
      'bulkhead_pool_seats{pool="odoo"}': 2,
    });
    const { body } = await askOnce(gateway.adminPort, 'GET /readyz HTTP/1.1\r\nHost: admin\r\n\r\n');
    expect(body).toContain(`odoo 1/1 up and odoo.test:${odoo.port} not found`);
  });
});

describe('a pool with affinity', () => {
  it('sends a session where it was before, also after Odoo renewed its id, unless that one is full', async () => {
    const names = ['a', 'b', 'c'];
    const all = await Promise.all(names.map((name) => startHeld(name)));
    for (const one of all) one.hold(false);
    const urls = all.map(({ url }) => `{ url: "${url}", seats: 1 }`).join(', ');
    const gateway = await start(
      `pools: [{ name: odoo, affinity: session, endpoints: [${urls}], health: false }]\n`,
    );
    const send = async (session: number, rotation: string): Promise<string | undefined> => {
      const cookie = `session_id=${String(session).padStart(42, 's')}${rotation.repeat(42)}`;
      const { fields } = await ask(gateway.proxyPort, 'GET http://shop.example/', {
        headers: { Cookie: cookie },
      });
      return fields['x-upstream'];
    };
    const homes: (string | undefined)[] = [];
    for (let session = 0; session < 24; session++) {
      const home = await send(session, 'x');
      homes.push(home);
      for (const rotation of ['x', 'y', 'z']) expect(await send(session, rotation)).toBe(home);
    }
    expect(new Set(homes).size).toBe(3);
    const full = all[names.indexOf(homes[0] ?? '')];
    full?.hold(true);
    const held = send(0, 'x');
    await eventually(() => expect(full?.waiting()).toHaveLength(1));
    expect(await send(0, 'x')).not.toBe(homes[0]);
    full?.release();
    expect(await held).toBe(homes[0]);
  });
});

describe('workers of one gateway', () => {
  it('have the seats of each address once between them, also while they know different addresses', async () => {
    const { directory, remove } = writeFiles({
      'gateway.yaml': trustingGateway,
      'zones/shop.yaml': zone,
      'pools.yaml':
        'pools: [{ name: odoo, endpoints: [{ dns: "odoo.test:8069", seats: 5 }], health: false }]\n',
    });
    const seats: number[] = [];
    const known = [['10.0.0.1', '10.0.0.2'], ['10.0.0.2', '10.0.0.1'], ['10.0.0.1']];
    for (const [index, addresses] of known.entries()) {
      const worker = await startWorkerGateway({
        directory,
        env: {},
        first: loadFirst(directory, {}),
        place: { index, of: 3 },
        resolve: () => Promise.resolve(addresses),
        logSink: { write() {} },
      });
      closing.push(() => worker.stop());
      const reading = (await worker.measure()).find(({ name }) => name === 'bulkhead_pool_seats');
      seats.push(reading?.values[0]?.value ?? 0);
    }
    remove();
    // "http://10.0.0.1:8069" is dealt 2, 1, 2 to the workers and the other address 2, 2, 1, so the last one lacks 1 of its 3.
    expect(seats).toEqual([4, 3, 2]);
  });
});

describe('endpoints that a reload changes', () => {
  it('are drained and taken up, and whoever waits keeps his place', async () => {
    const [old, fresh] = [await startHeld('old'), await startHeld('fresh')];
    const pool = (url: string, seats = 1): string =>
      `pools: [{ name: odoo, endpoints: [{ url: "${url}", seats: ${seats} }], health: false }]\n`;
    const gateway = await start(pool(old.url));
    const running = ask(gateway.proxyPort, 'POST http://shop.example/1');
    await eventually(() => expect(old.waiting()).toEqual(['/1']));
    const second = ask(gateway.proxyPort, 'POST http://shop.example/2');
    const queued = 'bulkhead_pool_queue_length{pool="odoo",zone="shop"}';
    await eventually(async () => expect((await gateway.metrics())[queued]).toBe(1));
    expect(await gateway.reload({ 'pools.yaml': pool(fresh.url) })).toBe(true);
    await eventually(() => expect(fresh.waiting()).toEqual(['/2']));
    fresh.release();
    old.release();
    expect((await running).fields['x-upstream']).toBe('old');
    expect((await second).fields['x-upstream']).toBe('fresh');
    expect([old.arrived, fresh.arrived]).toEqual([['/1'], ['/2']]);
  });
});
