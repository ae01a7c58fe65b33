import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { type HeldTime, holdTime } from '../support/gateway-time.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import { ask, runGateway, type RunningGateway, trustingGateway } from '../support/running-gateway.ts';
import { describeWithTool } from '../system/require-tool.ts';

const token = 'a-token-of-thirty-two-characters';

/** Two gateways on one Redis; what one spends the other's operator sees. */
describeWithTool('redis-server', 'budgets of a running gateway', (binary) => {
  let redis: RedisServer;
  let odoo: HeldUpstream;
  let time: HeldTime;
  let gateways: RunningGateway[];

  const files = (secret = `admin: { token: "\${env:ADMIN_TOKEN}" }\n`): Record<string, string> => ({
    'gateway.yaml': `${trustingGateway}store: { redis: { url: "\${env:REDIS_URL}", timeout: 2s }, instances: 2 }\n${secret}`,
    'tenants.yaml': 'tenants: [{ id: acme, database: acme }, { id: nordfracht, database: nordfracht }]\n',
    'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odoo.url}", seats: 100 }] }]\n`,
    'zones/shop.yaml': `zone: shop
match: Host(\`{tenant}.shop.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: odoo }
limits:
  - { name: calls, key: tenant, rate: 1/m, burst: 10 }
  - { name: tighter, key: tenant, rate: 1/m, burst: 4, shadow: true }
`,
  });

  beforeEach(async () => {
    time = holdTime();
    redis = await startRedis(binary);
    odoo = await startHeldUpstream();
    odoo.hold(false);
    gateways = [await start(), await start()];
  });
  afterEach(async () => {
    time.release();
    for (const gateway of gateways) await gateway.stop();
    await redis.stop();
    await odoo.stop();
  });

  const start = (secret?: string): Promise<RunningGateway> =>
    runGateway(files(secret), { REDIS_URL: redis.url, ADMIN_TOKEN: token });

  async function statuses(
    gateway: RunningGateway | undefined,
    count: number,
    tenant = 'acme',
  ): Promise<number[]> {
    const seen: number[] = [];
    for (let i = 0; i < count; i++)
      seen.push((await ask(gateway?.proxyPort ?? 0, `GET http://${tenant}.shop.example/odoo`)).status);
    return seen;
  }

  async function admin(
    gateway: RunningGateway | undefined,
    request: string,
    headers: Record<string, string> = {},
  ) {
    const [method, target] = request.split(' ');
    const { status, body, fields } = await ask(gateway?.adminPort ?? 0, `${method} http://admin${target}`, {
      headers,
    });
    return { status, fields, body: JSON.parse(body) as Record<string, unknown> };
  }

  const withToken = { Authorization: `Bearer ${token}` };
  const ok = (count: number): number[] => Array.from({ length: count }, () => 200);
  const refused = (count: number): number[] => Array.from({ length: count }, () => 429);

  it('a key that is drained at one is seen at the other, with who was refused last', async () => {
    const [first, second] = gateways;
    expect(await statuses(first, 12)).toEqual([...ok(10), ...refused(2)]);
    const { status, body } = await admin(second, 'GET /limits/shop/calls?key=acme');
    expect([status, body]).toEqual([
      200,
      {
        limit: 'shop/calls',
        key: 'acme',
        kind: 'rate',
        at: 'zones/shop.yaml:7:5',
        for: 'default',
        shadow: false,
        onStoreFailure: 'share',
        keptBy: 'redis',
        figures: '1/m',
        burst: 10,
        free: 0,
        leased: expect.any(Number) as number,
        retryAfterMs: expect.toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000) as number,
        fullAfterMs: expect.toSatisfy((ms: number) => ms > 590_000 && ms <= 600_000) as number,
        processes: [{ held: 0, untold: 0, refusingMs: 0 }],
        lastRefused: null,
      },
    ]);
    const here = (await admin(first, 'GET /limits/shop/calls?key=acme')).body;
    const lines = first?.logged('request').filter(({ status: of }) => of === 429) ?? [];
    expect(here['lastRefused']).toEqual({
      limit: 'shop/calls',
      key: 'acme',
      at: 'zones/shop.yaml:7:5',
      shadow: false,
      times: 2,
      last: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      requestId: lines.at(-1)?.['requestId'],
      cost: 1,
      retryAfterMs: expect.any(Number) as number,
    });
    expect((await admin(second, 'GET /limits/shop/calls?key=nordfracht')).body).toMatchObject({ free: 10 });
  });

  it('the list of those who were refused names shadow limits, too', async () => {
    const [first] = gateways;
    await statuses(first, 12);
    await statuses(first, 5, 'nordfracht');
    const { refused: listed } = (await admin(first, 'GET /limits/refused')).body as {
      refused: { limit: string; key: string; shadow: boolean; times: number }[];
    };
    expect(new Set(listed.map((one) => `${one.limit} ${one.key} ${one.shadow} ${one.times}`))).toEqual(
      new Set(['shop/calls acme false 2', 'shop/tighter acme true 8', 'shop/tighter nordfracht true 1']),
    );
  });

  it('a reset lets requests through: here at once, at the other gateway within ten seconds', async () => {
    const [first, second] = gateways;
    expect(await statuses(first, 11)).toEqual([...ok(10), 429]);
    expect(await statuses(second, 1)).toEqual([429]);
    const { status, body, fields } = await admin(first, 'POST /limits/shop/calls/reset?key=acme', withToken);
    const states = {
      before: { figures: '1/m', burst: 10, free: 0, leased: 0 },
      after: { figures: '1/m', burst: 10, free: 10, leased: 0 },
    };
    expect([status, body]).toEqual([
      200,
      { limit: 'shop/calls', key: 'acme', action: 'reset', ...states, otherInstancesWithinMs: 10_000 },
    ]);
    expect(await statuses(first, 1)).toEqual([200]);
    time.advance(10_000);
    // One token may still lie in a wallet of the first.
    const answers = await statuses(second, 10);
    expect([answers.slice(0, 8), answers.at(-1)]).toEqual([ok(8), 429]);

    const audit = first?.logLines.filter(({ audit: action }) => action !== undefined) ?? [];
    expect(audit).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
        audit: 'limit_reset',
        outcome: 'done',
        requestId: fields['x-request-id'],
        by: 'admin.token',
        from: '127.0.0.1',
        limit: 'shop/calls',
        key: 'acme',
        ...states,
        msg: 'audit: limit_reset',
      },
    ]);
    expect(first?.logText()).not.toContain(token);
    expect(await first?.metrics()).toMatchObject({
      'bulkhead_admin_changes_total{action="reset",outcome="done"}': 1,
    });
  });

  it('a grant gives so many tokens back, and no more than fit', async () => {
    const [first, second] = gateways;
    expect(await statuses(first, 11)).toEqual([...ok(10), 429]);
    const granted = await admin(second, 'POST /limits/shop/calls/grant?key=acme&tokens=3', withToken);
    expect([granted.status, granted.body]).toEqual([
      200,
      {
        limit: 'shop/calls',
        key: 'acme',
        action: 'grant',
        tokens: 3,
        before: { figures: '1/m', burst: 10, free: 0, leased: expect.any(Number) as number },
        after: { figures: '1/m', burst: 10, free: 3, leased: expect.any(Number) as number },
        otherInstancesWithinMs: 10_000,
      },
    ]);
    expect(await statuses(second, 4)).toEqual([...ok(3), 429]);
    const full = await admin(second, 'POST /limits/shop/calls/grant?key=nordfracht&tokens=50', withToken);
    expect(full.body).toMatchObject({ before: { free: 10 }, after: { free: 10 } });
    expect(second?.logLines.filter(({ audit }) => audit === 'limit_grant')).toMatchObject([
      { outcome: 'done', key: 'acme', tokens: 3 },
      { outcome: 'done', key: 'nordfracht', tokens: 50 },
    ]);
  });

  it('without the right token nothing is changed, and the attempt is told', async () => {
    const [first] = gateways;
    await statuses(first, 10);
    const wrong = { Authorization: 'Bearer somebody-elses-token' };
    expect((await admin(first, 'POST /limits/shop/calls/reset?key=acme', wrong)).status).toBe(401);
    expect((await admin(first, 'POST /limits/shop/calls/reset?key=acme')).status).toBe(401);
    expect(await statuses(first, 1)).toEqual([429]);
    const audit = first?.logLines.filter(({ audit: action }) => action !== undefined) ?? [];
    expect(audit.map(({ level, outcome, cause, limit }) => [level, outcome, cause, limit])).toEqual([
      ['warn', 'refused', 'the token is wrong', 'shop/calls'],
      ['warn', 'refused', 'the token is missing', 'shop/calls'],
    ]);
    expect(first?.logText()).not.toContain('somebody-elses-token');
    expect(await first?.metrics()).toMatchObject({
      'bulkhead_admin_changes_total{action="reset",outcome="refused"}': 2,
    });
  });

  it('a token takes effect with the next reload, and without one nobody may change anything', async () => {
    const bare = await start('');
    gateways.push(bare);
    const reset = () => admin(bare, 'POST /limits/shop/calls/reset?key=acme', withToken);
    expect(await reset()).toMatchObject({ status: 403, body: { title: 'Changes are switched off.' } });
    expect(await bare.reload(files())).toBe(true);
    expect(await reset()).toMatchObject({ status: 200 });
    expect(bare.logged('this part of gateway.yaml takes effect after a restart')).toEqual([]);
  });

  it('while Redis is away a budget is shown as this gateway counts it, and nothing is changed', async () => {
    const [first] = gateways;
    await statuses(first, 4);
    await redis.kill();
    for (let i = 0; i < 8; i++) await statuses(first, 1);
    expect((await admin(first, 'GET /limits')).body).toMatchObject({ store: { kind: 'redis', up: false } });
    expect((await admin(first, 'GET /limits/shop/calls?key=acme')).body).toMatchObject({
      keptBy: 'share',
      figures: '30/h',
      burst: 5,
      free: 0,
    });
    expect(await admin(first, 'POST /limits/shop/calls/reset?key=acme', withToken)).toMatchObject({
      status: 503,
      body: {
        status: 503,
        title: 'The store of the limits does not answer.',
        detail: 'Redis does not answer.',
      },
    });
    expect(first?.logLines.filter(({ audit }) => audit !== undefined)).toMatchObject([
      { audit: 'limit_reset', outcome: 'refused', cause: 'Redis does not answer.' },
    ]);
  });
});
