import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startOdooGevent } from '../../src/demo/odoo-gevent.ts';
import { eventually } from '../support/eventually.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import { pickSeries } from '../support/metrics-text.ts';
import { type RawAnswer, sendRequest } from '../support/raw-http.ts';
import { ask, runGateway, type RunningGateway, verdictOf } from '../support/running-gateway.ts';

let gateway: RunningGateway;
let first: HeldUpstream;
let second: HeldUpstream;
const cleanUps: (() => unknown)[] = [];

beforeEach(async () => {
  first = await startHeldUpstream('first');
  second = await startHeldUpstream('second');
  cleanUps.push(
    () => first.stop(),
    () => second.stop(),
  );
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface PoolWish {
  name?: string;
  /** Upstream and seats. */
  endpoints: [HeldUpstream, number][];
  queue?: string;
  health?: string;
}

function pools(...wishes: PoolWish[]): string {
  const entries = wishes.map(
    ({ name = 'people', endpoints, queue = '{ max: 2, deadline: 5s }', health = 'false' }) => {
      const list = endpoints.map(([{ url }, seats]) => `{ url: "${url}", seats: ${seats} }`).join(', ');
      return `  - { name: ${name}, endpoints: [${list}], queue: ${queue}, health: ${health} }`;
    },
  );
  return `pools:\n${entries.join('\n')}\n`;
}

const office = (zonePools: string): string =>
  `zone: office\nmatch: Host(\`erp.example\`)\nidentify: none\npools: ${zonePools}\n`;

async function start(poolsFile: string, zonePools = '{ interactive: people }'): Promise<void> {
  gateway = await runGateway({ 'pools.yaml': poolsFile, 'zones/office.yaml': office(zonePools) });
  // First to be stopped: what is still held is let go before the gateway waits for it.
  cleanUps.push(async () => {
    for (const upstream of [first, second]) {
      upstream.hold(false);
      while (upstream.waiting().length > 0) upstream.release();
    }
    await gateway.stop();
  });
}

const send = (path: string): Promise<RawAnswer> => ask(gateway.proxyPort, `GET http://erp.example${path}`);

/** Sends a request and waits until it is at an upstream. */
async function seat(path: string): Promise<{ answer: Promise<RawAnswer> }> {
  const answer = send(path);
  await eventually(() => expect([...first.arrived, ...second.arrived]).toContain(path));
  return { answer };
}

/** Sends a request and waits until so many wait for a seat. */
async function enqueue(
  path: string,
  length: number,
  pool = 'people',
): Promise<{ answer: Promise<RawAnswer> }> {
  const answer = send(path);
  await queueIs(length, pool);
  return { answer };
}

const queueIs = (length: number, pool = 'people'): Promise<void> =>
  eventually(async () => {
    const series = await gateway.metrics();
    expect(series[`bulkhead_pool_queue_length{pool="${pool}",zone="office"}`]).toBe(length);
  });

const endpointIs = (metric: 'up' | 'saturated', upstream: HeldUpstream, value: number): Promise<void> =>
  eventually(async () => {
    const series = await gateway.metrics();
    expect(series[`bulkhead_pool_endpoint_${metric}{pool="people",endpoint="${upstream.url}"}`]).toBe(value);
  });

describe('seats', () => {
  it('are given out in proportion, and never more than there are', async () => {
    await start(
      pools({
        endpoints: [
          [first, 2],
          [second, 4],
        ],
        queue: '{ max: 10 }',
      }),
    );
    const answers = [];
    for (const path of ['/1', '/2', '/3']) answers.push((await seat(path)).answer);
    expect([first.waiting().length, second.waiting().length]).toEqual([1, 2]);
    for (const path of ['/4', '/5', '/6']) answers.push((await seat(path)).answer);
    expect([first.waiting().length, second.waiting().length]).toEqual([2, 4]);
    answers.push((await enqueue('/7', 1)).answer);
    expect([first.arrived.length, second.arrived.length]).toEqual([2, 4]);
    expect(pickSeries(await gateway.metrics(), ['bulkhead_pool_seats*'])).toEqual({
      'bulkhead_pool_seats{pool="people"}': 6,
      'bulkhead_pool_seats_recommended{pool="people"}': 6,
      'bulkhead_pool_seats_busy{pool="people",zone="office"}': 6,
    });
    first.release();
    await eventually(() => expect(first.waiting()).toHaveLength(2));
    expect(first.arrived.at(-1)).toBe('/7');
    while (first.waiting().length > 0) first.release();
    while (second.waiting().length > 0) second.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 200, 200, 200,
    ]);
    await eventually(async () =>
      expect((await gateway.metrics())['bulkhead_pool_seats_busy{pool="people",zone="office"}']).toBe(0),
    );
  });

  // Odoo's worker runs a request to its end whatever its client does.
  it('stay taken until the upstream answers, also when the client has gone', async () => {
    await start(pools({ endpoints: [[first, 1]] }));
    const gone = connect(gateway.proxyPort, '127.0.0.1');
    gone.write('GET /gone HTTP/1.1\r\nHost: erp.example\r\n\r\n');
    await eventually(() => expect(first.waiting()).toEqual(['/gone']));
    gone.destroy();
    await eventually(() => expect(gone.destroyed).toBe(true));
    const { answer } = await enqueue('/next', 1);
    expect(first.arrived).toEqual(['/gone']);
    first.release();
    await eventually(() => expect(first.waiting()).toEqual(['/next']));
    first.release();
    expect((await answer).status).toBe(200);
    expect(gateway.logged('request').map(({ path, status, reason }) => [path, status, reason])).toEqual([
      ['/gone', 499, 'client_gone'],
      ['/next', 200, undefined],
    ]);
  });
});

describe('the queue', () => {
  it('is served in the order of coming, refuses beyond its length, and says when to come back', async () => {
    await start(pools({ endpoints: [[first, 1]] }));
    const a = await seat('/a');
    const b = await enqueue('/b', 1);
    const c = await enqueue('/c', 2);
    const refused = await send('/d');
    expect(verdictOf(refused)).toEqual([503, 'pool_queue_full']);
    const waitS = Number(refused.fields['retry-after']);
    // Two that wait, each guessed at a fifth of a second, for one worker.
    expect([waitS >= 1, waitS <= 2]).toEqual([true, true]);
    expect(first.arrived).toEqual(['/a']);
    for (const next of ['/b', '/c']) {
      first.release();
      await eventually(() => expect(first.waiting()).toEqual([next]));
    }
    first.release();
    const answers = await Promise.all([a.answer, b.answer, c.answer]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(first.arrived).toEqual(['/a', '/b', '/c']);
    expect(
      pickSeries(await gateway.metrics(), [
        'bulkhead_pool_queue_wait_seconds_count',
        'bulkhead_refusals_total',
      ]),
    ).toEqual({
      'bulkhead_pool_queue_wait_seconds_count{zone="office",pool="people"}': 2,
      'bulkhead_refusals_total{zone="office",reason="pool_queue_full"}': 1,
    });
  });

  it('is left with 503 when no seat comes in time, and what was late never reaches Odoo', async () => {
    await start(pools({ endpoints: [[first, 1]], queue: '{ max: 2, deadline: 150ms }' }));
    const a = await seat('/a');
    const late = await send('/late');
    expect([...verdictOf(late), late.fields['retry-after'] !== undefined]).toEqual([
      503,
      'pool_queue_timeout',
      true,
    ]);
    first.release();
    expect((await a.answer).status).toBe(200);
    first.hold(false);
    expect((await send('/b')).status).toBe(200);
    expect(first.arrived).toEqual(['/a', '/b']);
    const line = gateway.logged('request').find(({ path }) => path === '/late');
    expect(line).toMatchObject({ status: 503, reason: 'pool_queue_timeout', zone: 'office', pool: 'people' });
    // The time of the queue and the one of the log are read a moment apart.
    expect(line?.['queueMs']).toBeGreaterThan(140);
  });

  it('gives the place of a client that leaves to the next', async () => {
    await start(pools({ endpoints: [[first, 1]] }));
    const a = await seat('/a');
    const leaving = connect(gateway.proxyPort, '127.0.0.1');
    leaving.write('GET /leaving HTTP/1.1\r\nHost: erp.example\r\n\r\n');
    await queueIs(1);
    const b = await enqueue('/b', 2);
    leaving.destroy();
    await queueIs(1);
    first.release();
    await eventually(() => expect(first.waiting()).toEqual(['/b']));
    first.release();
    expect([(await a.answer).status, (await b.answer).status]).toEqual([200, 200]);
    expect(first.arrived).toEqual(['/a', '/b']);
  });

  it('that is full of batch work does not touch people', async () => {
    await start(
      pools({ endpoints: [[first, 1]] }, { name: 'heavy', endpoints: [[second, 1]] }),
      '{ interactive: people, batch: heavy }',
    );
    const running = await seat('/report/pdf/x/1');
    const waiting = [
      await enqueue('/report/pdf/x/2', 1, 'heavy'),
      await enqueue('/report/pdf/x/3', 2, 'heavy'),
    ];
    const flood = await Promise.all(Array.from({ length: 20 }, (_, i) => send(`/report/pdf/x/flood-${i}`)));
    expect(new Set(flood.map((answer) => verdictOf(answer).join(' ')))).toEqual(
      new Set(['503 pool_queue_full']),
    );
    first.hold(false);
    for (let i = 0; i < 5; i++) expect((await send(`/odoo/${i}`)).status).toBe(200);
    expect(second.arrived).toEqual(['/report/pdf/x/1']);
    second.hold(false);
    second.release();
    const heavy = await Promise.all([running, ...waiting].map(({ answer }) => answer));
    expect(heavy.map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

describe('health', () => {
  const health = '{ interval: 50ms, timeout: 50ms, unhealthyAfter: 2, healthyAfter: 1 }';

  it('takes a dead endpoint out while the other one serves, and brings it back', async () => {
    await start(
      pools({
        endpoints: [
          [first, 4],
          [second, 4],
        ],
        health,
      }),
    );
    first.hold(false);
    second.hold(false);
    await first.stop();
    const during: (string | number | undefined)[] = [];
    // Until it is noticed, a request whose connection could not be made goes to the other endpoint.
    for (let i = 0; i < 10; i++) {
      const { status, fields } = await send(`/during/${i}`);
      during.push(status, fields['x-upstream']);
    }
    expect(new Set(during)).toEqual(new Set([200, 'second']));
    await endpointIs('up', first, 0);
    await endpointIs('up', second, 1);
    const arrivedBefore = first.arrived.length;
    for (let i = 0; i < 6; i++) expect((await send(`/out/${i}`)).fields['x-upstream']).toBe('second');
    expect(first.arrived).toHaveLength(arrivedBefore);
    await first.reopen();
    await endpointIs('up', first, 1);
    const back = new Set<string | undefined>();
    for (let i = 0; i < 4; i++) back.add((await send(`/back/${i}`)).fields['x-upstream']);
    expect(back).toEqual(new Set(['first', 'second']));
    const changes = gateway.logLines.filter(({ url, up }) => url === first.url && up !== undefined);
    expect(changes.map(({ msg, pool, up }) => [msg, pool, up])).toEqual([
      ['endpoint is out of service', 'people', false],
      ['endpoint is back', 'people', true],
    ]);
  });

  it('refuses at once when no endpoint is left, and tells readiness and metrics', async () => {
    await start(
      pools({
        endpoints: [
          [first, 1],
          [second, 1],
        ],
        health,
      }),
    );
    await Promise.all([first.stop(), second.stop()]);
    await endpointIs('up', first, 0);
    await endpointIs('up', second, 0);
    const startedMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => send(`/${i}`)));
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    for (const answer of answers) {
      expect([...verdictOf(answer), Number(answer.fields['retry-after']) >= 1]).toEqual([
        503,
        'pool_down',
        true,
      ]);
    }
    const ready = await ask(gateway.adminPort, 'GET http://admin/readyz');
    expect([ready.status, JSON.parse(ready.body)]).toMatchObject([
      200,
      { ready: true, pools: 'people 0/2 up' },
    ]);
    await first.reopen();
    await endpointIs('up', first, 1);
    first.hold(false);
    expect((await send('/again')).status).toBe(200);
  });

  it('leaves an endpoint whose workers are all busy in service', async () => {
    await start(pools({ endpoints: [[first, 2]], health }));
    first.answerProbes(false);
    const before = first.probes();
    await eventually(() => expect(first.probes() - before).toBeGreaterThanOrEqual(6));
    await endpointIs('saturated', first, 1);
    await endpointIs('up', first, 1);
    first.hold(false);
    expect((await send('/odoo')).status).toBe(200);
    await endpointIs('saturated', first, 0);
    expect(gateway.logged('endpoint is out of service')).toEqual([]);
  });
});

describe('a reload', () => {
  it('that adds seats serves who waits at once, while those in progress go on', async () => {
    await start(pools({ endpoints: [[first, 1]] }));
    const a = await seat('/a');
    const b = await enqueue('/b', 1);
    expect(await gateway.reload({ 'pools.yaml': pools({ endpoints: [[first, 2]] }) })).toBe(true);
    await eventually(() => expect(first.waiting()).toEqual(['/a', '/b']));
    first.release();
    first.release();
    expect([(await a.answer).status, (await b.answer).status]).toEqual([200, 200]);
  });

  it('that takes seats away interrupts nobody and gives none out until enough are back', async () => {
    await start(pools({ endpoints: [[first, 2]] }));
    const inProgress = [await seat('/a'), await seat('/b')];
    expect(await gateway.reload({ 'pools.yaml': pools({ endpoints: [[first, 1]] }) })).toBe(true);
    const c = await enqueue('/c', 1);
    first.release();
    expect((await inProgress[0]?.answer)?.status).toBe(200);
    await queueIs(1);
    expect(first.waiting()).toEqual(['/b']);
    first.release();
    await eventually(() => expect(first.waiting()).toEqual(['/c']));
    first.release();
    expect([(await inProgress[1]?.answer)?.status, (await c.answer).status]).toEqual([200, 200]);
  });

  it('that replaces an endpoint lets the old one finish and sends everything new to the new one', async () => {
    await start(pools({ endpoints: [[first, 1]] }));
    const a = await seat('/a');
    const b = await enqueue('/b', 1);
    expect(await gateway.reload({ 'pools.yaml': pools({ endpoints: [[second, 1]] }) })).toBe(true);
    await eventually(() => expect(second.waiting()).toEqual(['/b']));
    second.release();
    second.hold(false);
    expect([(await b.answer).fields['x-upstream'], (await send('/c')).fields['x-upstream']]).toEqual([
      'second',
      'second',
    ]);
    first.release();
    expect([(await a.answer).status, (await a.answer).fields['x-upstream']]).toEqual([200, 'first']);
    expect(first.arrived).toEqual(['/a']);
    const series = pickSeries(await gateway.metrics(), ['bulkhead_pool_endpoint_up']);
    expect(series).toEqual({ [`bulkhead_pool_endpoint_up{pool="people",endpoint="${second.url}"}`]: 1 });
  });

  it('that moves the zone to another pool lets requests of the old one finish', async () => {
    await start(pools({ endpoints: [[first, 1]] }));
    const a = await seat('/a');
    expect(
      await gateway.reload({
        'pools.yaml': pools({ name: 'others', endpoints: [[second, 1]] }),
        'zones/office.yaml': office('{ interactive: others }'),
      }),
    ).toBe(true);
    second.hold(false);
    expect((await send('/b')).fields['x-upstream']).toBe('second');
    first.release();
    expect((await a.answer).fields['x-upstream']).toBe('first');
  });
});

describe('workloads', () => {
  it('static files sit with people unless the zone gives them a pool of their own', async () => {
    const both = pools({ endpoints: [[first, 1]] }, { name: 'heavy', endpoints: [[second, 1]] });
    await start(both, '{ interactive: people, batch: heavy }');
    first.hold(false);
    second.hold(false);
    const served = async (path: string): Promise<string | undefined> =>
      (await send(path)).fields['x-upstream'];
    expect([
      await served('/web/static/a.css'),
      await served('/odoo'),
      await served('/report/pdf/x/1'),
    ]).toEqual(['first', 'first', 'second']);
    await gateway.reload({
      'zones/office.yaml': office('{ interactive: people, batch: heavy, static: heavy }'),
    });
    expect([await served('/web/static/a.css'), await served('/odoo')]).toEqual(['second', 'first']);
    expect(gateway.logged('request').map(({ workload, pool }) => [workload, pool])).toEqual([
      ['static', 'people'],
      ['interactive', 'people'],
      ['batch', 'heavy'],
      ['static', 'heavy'],
      ['interactive', 'people'],
    ]);
  });

  it('a WebSocket holds a seat of its own pool as long as it stands', async () => {
    const gevent = await startOdooGevent({ port: 0 });
    cleanUps.push(() => gevent.close());
    await start(
      `${pools({ endpoints: [[first, 1]] })}  - { name: sockets, kind: websocket, endpoints: [{ url: "${gevent.url}", seats: 1 }], queue: { max: 0 }, health: false }\n`,
      '{ interactive: people, websocket: sockets }',
    );
    const open = async (): Promise<WebSocket> => {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.proxyPort}/websocket`, {
        headers: { Host: 'erp.example' },
        origin: 'http://erp.example',
      });
      await once(socket, 'open');
      return socket;
    };
    const busy = async (): Promise<number | undefined> =>
      (await gateway.metrics())['bulkhead_pool_seats_busy{pool="sockets",zone="office"}'];
    const tunnel = await open();
    expect(await busy()).toBe(1);
    const echoed = once(tunnel, 'message');
    tunnel.send('hello');
    expect(String((await echoed)[0])).toBe('hello');
    const refused = await sendRequest(gateway.proxyPort, {
      target: '/websocket',
      headers: {
        Host: 'erp.example',
        Origin: 'http://erp.example',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        Connection: 'Upgrade',
      },
    });
    expect([...verdictOf(refused), Number(refused.fields['retry-after']) >= 1]).toEqual([
      503,
      'pool_queue_full',
      true,
    ]);
    // People have workers of their own.
    first.hold(false);
    expect((await send('/odoo')).status).toBe(200);
    const closed = once(tunnel, 'close');
    tunnel.close();
    await closed;
    await eventually(async () => expect(await busy()).toBe(0));
    const again = await open();
    expect(gevent.sockets).toBe(1);
    again.terminate();
    await eventually(async () => expect(await busy()).toBe(0));
  });
});
