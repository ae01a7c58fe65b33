import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OdooWorkers, startOdooWorkers } from '../servers/odoo-workers.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway, type RunningGateway, trustingGateway } from '../support/running-gateway.ts';

/** Eight processes that take one request at a time, behind one pool. */
let workers: OdooWorkers;
let gateway: RunningGateway;
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const sockets: Socket[] = [];

beforeAll(async () => {
  workers = await startOdooWorkers(8);
});
afterAll(async () => {
  agent.destroy();
  await workers.stop();
});
beforeEach(async () => {
  const endpoints = workers.urls.map((url) => `{ url: "${url}", seats: 1 }`).join(', ');
  gateway = await runGateway({
    'gateway.yaml': `${trustingGateway}drain: { delay: 0s, timeout: 2s }\n`,
    'tenants.yaml':
      'tenants: [{ id: noisy, tier: shared, database: noisy }, { id: quiet, tier: shared, database: quiet }]\n',
    'pools.yaml': `pools: [{ name: odoo, endpoints: [${endpoints}], health: { interval: 1s, timeout: 1s, unhealthyAfter: 1 } }]\n`,
    'zones/office.yaml': [
      'zone: office',
      'match: Host(`{tenant}.erp.example`)',
      'identify: none',
      'tenant: { from: [host] }',
      'pools: { interactive: odoo }',
      'headers: { pass: [x-stand-in-*] }',
      '',
    ].join('\n'),
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gateway.stop();
});

interface Heard {
  status: number;
  reason: string | undefined;
  retryAfter: string | undefined;
  durationMs: number;
}

/** Sends a request that takes Odoo so long, and hears its answer to the end. */
function ask(tenant: string, path: string, delayMs: number, method = 'GET'): Promise<Heard> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    request(
      {
        agent,
        method,
        port: gateway.proxyPort,
        host: '127.0.0.1',
        path,
        headers: { host: `${tenant}.erp.example`, 'x-stand-in-delay-ms': String(delayMs) },
      },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (text: string) => (body += text));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            reason: /"reason":"([a-z_]+)"/.exec(body)?.[1],
            retryAfter: answer.headers['retry-after'],
            durationMs: performance.now() - startMs,
          }),
        );
      },
    )
      .on('error', reject)
      .end();
  });
}

/** Keeps `parallel` requests under way until `going` says no more; gives all that was heard. */
async function flood(
  { parallel, going }: { parallel: number; going: () => boolean },
  send: () => Promise<Heard>,
): Promise<Heard[]> {
  const heard: Heard[] = [];
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (going()) {
        const one = await send();
        heard.push(one);
        // As somebody does who was refused; else this test would be a loop that leaves the workers no processor.
        if (one.status !== 200) await sleep(50);
      }
    }),
  );
  return heard;
}

const busy = async (): Promise<number> => {
  const series = await gateway.metrics();
  return series['bulkhead_pool_seats_busy{pool="odoo",zone="office"}'] ?? 0;
};
const median = (heard: readonly Heard[]): number =>
  heard.map(({ durationMs }) => durationMs).toSorted((a, b) => a - b)[heard.length >> 1] ?? NaN;
const statusesOf = (heard: readonly Heard[]): Set<number> => new Set(heard.map(({ status }) => status));

describe('eight workers that take one request at a time', () => {
  it('serve the people of one tenant while another floods them and prints', { timeout: 40_000 }, async () => {
    let going = true;
    const noise = flood({ parallel: 80, going: () => going }, () => ask('noisy', '/odoo', 60));
    const prints = flood({ parallel: 20, going: () => going }, () => ask('noisy', '/report/pdf/x/1', 400));
    await eventually(async () => expect(await busy()).toBe(8));
    const quiet: Heard[] = [];
    for (let i = 0; i < 10; i++) quiet.push(await ask('quiet', '/odoo', 60));
    going = false;
    const [noisy, printed] = await Promise.all([noise, prints]);

    expect(quiet.map(({ status }) => status)).toEqual(quiet.map(() => 200));
    const served = noisy.filter(({ status }) => status === 200);
    expect(median(quiet)).toBeLessThan(median(served) / 2);
    // The noisy tenant gets what is left, its batch work included, and is told what it was that refused it.
    expect(served.length).toBeGreaterThan(20);
    expect(printed.some(({ status }) => status === 200)).toBe(true);
    const refused = [...noisy, ...printed].filter(({ status }) => status !== 200);
    // 503 while nobody else is there, or among batch work, of which nobody else sends any.
    expect(new Set(refused.map(({ status, reason }) => `${status} ${reason}`))).toEqual(
      new Set(['429 tenant_share_exceeded', '503 pool_queue_full']),
    );
    expect(refused.every(({ retryAfter }) => Number(retryAfter) >= 1)).toBe(true);
    // Nothing is left behind.
    await eventually(async () => expect(await busy()).toBe(0));
    const series = await gateway.metrics();
    expect(series['bulkhead_pool_class_queue_length{pool="odoo",class="interactive"}']).toBe(0);
    expect(series['bulkhead_pool_class_queue_length{pool="odoo",class="batch"}']).toBe(0);
    const seconds = (tenant: string): number =>
      series[`bulkhead_pool_tenant_seat_seconds_total{pool="odoo",tenant="${tenant}"}`] ?? 0;
    expect(seconds('noisy')).toBeGreaterThan(seconds('quiet'));
  });

  it('are not held by a client that does not read', async () => {
    const socket = connect(gateway.proxyPort, '127.0.0.1');
    sockets.push(socket);
    socket.pause();
    socket.write('GET /web/content/1?bytes=30000000 HTTP/1.1\r\nHost: noisy.erp.example\r\n\r\n');
    await eventually(async () => {
      const series = await gateway.metrics();
      expect(series['bulkhead_pool_service_seconds_count{pool="odoo",class="interactive"}']).toBe(1);
    });
    expect(await busy()).toBe(0);
  });

  it('are not held by an upload that stalls', async () => {
    for (let i = 0; i < 12; i++) {
      const socket = connect(gateway.proxyPort, '127.0.0.1');
      sockets.push(socket);
      socket.write(
        'POST /web/dataset/call_kw/res.partner/read HTTP/1.1\r\nHost: noisy.erp.example\r\nContent-Type: application/json\r\n' +
          'Content-Length: 1000\r\n\r\n{"jsonrpc":',
      );
    }
    const heard = await Promise.all(Array.from({ length: 16 }, () => ask('quiet', '/odoo', 30)));
    expect(statusesOf(heard)).toEqual(new Set([200]));
    expect(await busy()).toBe(0);
  });

  it('are given to those who still wait, not to those who have left', async () => {
    const held = flood({ parallel: 8, going: once(8) }, () => ask('noisy', '/odoo', 600));
    await eventually(async () => expect(await busy()).toBe(8));
    const leaving = Array.from({ length: 40 }, () => {
      const socket = connect(gateway.proxyPort, '127.0.0.1');
      socket.write('GET /odoo/left HTTP/1.1\r\nHost: noisy.erp.example\r\nx-stand-in-delay-ms: 5000\r\n\r\n');
      return socket;
    });
    const waiting = async (): Promise<number | undefined> => {
      const series = await gateway.metrics();
      return series['bulkhead_pool_queue_length{pool="odoo",zone="office"}'];
    };
    await eventually(async () => expect(await waiting()).toBeGreaterThan(0));
    for (const socket of leaving) socket.destroy();
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(statusesOf(await held)).toEqual(new Set([200]));
    expect((await ask('quiet', '/odoo', 10)).status).toBe(200);
    await eventually(async () => expect(await busy()).toBe(0));
  });

  it('are seven when one is killed: its request fails once, and all that follow are served', async () => {
    // Of POSTs nobody knows whether they have happened, so they are not sent again.
    const held = flood({ parallel: 8, going: once(8) }, () => ask('noisy', '/odoo', 2_500, 'POST'));
    await eventually(async () => expect(await busy()).toBe(8));
    const [victim = ''] = workers.urls;
    await workers.kill(victim);
    const heard = (await held).map(({ status, reason }) => `${status} ${reason ?? ''}`.trim());
    expect(heard.toSorted()).toEqual([...Array.from({ length: 7 }, () => '200'), '502 upstream_invalid']);
    const after = await Promise.all(Array.from({ length: 40 }, () => ask('quiet', '/odoo', 20)));
    expect(statusesOf(after)).toEqual(new Set([200]));
    await eventually(async () => {
      const series = await gateway.metrics();
      expect(series[`bulkhead_pool_endpoint_up{pool="odoo",endpoint="${victim}"}`]).toBe(0);
    });
    expect(await busy()).toBe(0);
  });
});

/** Says yes so many times. */
function once(times: number): () => boolean {
  let left = times;
  return () => left-- > 0;
}
