import { describe, expect, it } from 'vitest';
import { compileFiles } from '../../test/support/compile-files.ts';
import { adminToken, openLimitRoom } from '../../test/support/limit-room.ts';
import type { LimitAnswer } from './limit-questions.ts';

const { snapshot } = compileFiles({
  'gateway.yaml': 'listeners: { admin: 127.0.0.1:0 }\n',
  'identities.yaml': 'issuers: [{ name: keycloak, issuer: "https://id.example", tenantClaim: tenant }]\n',
  'tenants.yaml':
    'tenants: [{ id: acme, database: acme }, { id: nordfracht, tier: dedicated, database: nf }]\n',
  'pools.yaml': 'pools: [{ name: odoo, endpoints: [{ url: "http://127.0.0.1:8069", seats: 4 }] }]\n',
  'zones/partner.yaml': `zone: partner
match: Host(\`{tenant}.partner.example\`)
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
tenant: { from: [host, principal] }
address: { guard: { rate: 100/s } }
pools: { interactive: odoo }
limits:
  - { name: partner-rate, key: tenant, rate: 10/s, burst: 20 }
  - { name: client-rate, key: principal, rate: 1/m, burst: 2, shadow: true, onStoreFailure: closed }
`,
});

const ids = { rate: 'partner/partner-rate', client: 'partner/client-rate' };

const [rate, client] = snapshot.zonesByName.get('partner')!.limits;
const limits = { rate: rate!, client: client! };

const room = (setup: Partial<Parameters<typeof openLimitRoom>[0]> = {}) =>
  openLimitRoom({ scope: snapshot, ...setup });

const problem = (status: number, title: string, detail: string) => ({ status, title, detail });
const rateOf = (key: string, rest: object) => ({
  limit: ids.rate,
  key,
  kind: 'rate',
  at: 'zones/partner.yaml:8:5',
  for: 'default',
  shadow: false,
  onStoreFailure: 'share',
  keptBy: 'memory',
  figures: '10/s',
  burst: 20,
  leased: 0,
  retryAfterMs: 0,
  processes: [{ held: 0, untold: 0, refusingMs: 0 }],
  lastRefused: null,
  ...rest,
});

describe('GET /limits', () => {
  it('lists what is configured, with the keys that each process holds', async () => {
    const { body, take } = room({ processes: 2 });
    take(limits.rate, 'acme', 1);
    take(limits.rate, 'nordfracht', 1);
    take(limits.rate, 'acme', 1, 1);
    const workloads = { interactive: 1, batch: 1, websocket: 1, static: 1 };
    const common = { cost: expect.objectContaining(workloads) as object, others: [] };
    expect(await body('GET /limits')).toEqual({
      store: { kind: 'memory', up: true },
      processes: 2,
      limits: [
        {
          limit: 'partner/@address-guard',
          kind: 'guard',
          key: 'client',
          figures: '100/s',
          burst: 100,
          shadow: false,
          onStoreFailure: 'share',
          at: 'zones/partner.yaml:5:19',
          keysHeld: 6,
          ...common,
        },
        {
          limit: ids.rate,
          kind: 'rate',
          key: 'tenant',
          figures: '10/s',
          burst: 20,
          shadow: false,
          onStoreFailure: 'share',
          at: 'zones/partner.yaml:8:5',
          keysHeld: 3,
          ...common,
        },
        {
          limit: ids.client,
          kind: 'rate',
          key: 'principal',
          figures: '1/m',
          burst: 2,
          shadow: true,
          onStoreFailure: 'closed',
          at: 'zones/partner.yaml:9:5',
          keysHeld: 0,
          ...common,
        },
      ],
    });
  });

  it('answers as JSON that nothing keeps', async () => {
    const { send } = room();
    expect((await send('GET /limits')).fields).toEqual({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-request-id': expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    });
  });
});

describe('GET /limits/<limit>?key=', () => {
  it('shows a budget that nobody has spent from as full', async () => {
    const { body } = room();
    expect(await body('GET /limits/partner/partner-rate?key=acme')).toEqual(
      rateOf('acme', { free: 20, fullAfterMs: 0 }),
    );
  });

  it('shows what is left, when more comes, and who was refused last', async () => {
    const { body, take, refuse, clock } = room();
    take(limits.rate, 'acme', 20);
    refuse(limits.rate, 'acme', 'r-1');
    clock.advance(50);
    refuse(limits.rate, 'acme', 'r-2');
    expect(await body('GET /limits/partner/partner-rate?key=acme')).toEqual(
      rateOf('acme', {
        free: 0,
        retryAfterMs: 50,
        fullAfterMs: 1950,
        lastRefused: {
          limit: ids.rate,
          key: 'acme',
          at: 'zones/partner.yaml:8:5',
          shadow: false,
          times: 2,
          last: '2026-01-01T00:00:00.050Z',
          requestId: 'r-2',
          cost: 1,
          retryAfterMs: 40,
        },
      }),
    );
  });

  it('takes the key of a caller, with or without an encoded slash', async () => {
    const { body, take } = room();
    take(limits.client, 'acme/edi-acme', 1);
    for (const key of ['acme/edi-acme', 'acme%2Fedi-acme'])
      expect(await body(`GET /limits/partner/client-rate?key=${key}`)).toMatchObject({
        key: 'acme/edi-acme',
        shadow: true,
        free: 1,
      });
  });
});

describe('GET /limits/refused', () => {
  it('lists the keys that were refused last, over all processes', async () => {
    const { body, refuse, clock } = room({ processes: 2 });
    refuse(limits.rate, 'acme', 'r-1');
    clock.advance(10);
    refuse(limits.client, 'acme/edi', 'r-2', 1);
    clock.advance(10);
    refuse(limits.rate, 'acme', 'r-3', 1);
    const listed = (await body('GET /limits/refused')) as { refused: Record<string, unknown>[] };
    expect(
      listed.refused.map(({ limit, key, times, requestId, shadow }) => [
        limit,
        key,
        times,
        requestId,
        shadow,
      ]),
    ).toEqual([
      [ids.rate, 'acme', 2, 'r-3', false],
      [ids.client, 'acme/edi', 1, 'r-2', true],
    ]);
    expect(((await body('GET /limits/refused?count=1')) as { refused: unknown[] }).refused).toHaveLength(1);
  });
});

describe('POST /limits/<limit>/reset and /grant', () => {
  it('make a budget full, or give tokens back, and tell who did it', async () => {
    const { change, take, audit, counted, send } = room();
    take(limits.rate, 'acme', 20);
    const granted = await change('/limits/partner/partner-rate/grant?key=acme&tokens=5');
    const states = {
      before: { figures: '10/s', burst: 20, free: 0, leased: 0 },
      after: { figures: '10/s', burst: 20, free: 5, leased: 0 },
    };
    expect([granted.status, granted.body]).toEqual([
      200,
      { limit: ids.rate, key: 'acme', action: 'grant', tokens: 5, ...states, otherInstancesWithinMs: 0 },
    ]);
    const reset = await change('/limits/partner/partner-rate/reset?key=acme');
    const full = { before: states.after, after: { ...states.after, free: 20 } };
    expect([reset.status, reset.body]).toEqual([
      200,
      { limit: ids.rate, key: 'acme', action: 'reset', ...full, otherInstancesWithinMs: 0 },
    ]);
    const by = { outcome: 'done', by: 'admin.token', from: '192.0.2.9' };
    expect(audit).toEqual([
      {
        action: 'limit_grant',
        ...by,
        requestId: granted.fields['x-request-id'],
        about: { limit: ids.rate, key: 'acme', tokens: 5, ...states },
      },
      {
        action: 'limit_reset',
        ...by,
        requestId: reset.fields['x-request-id'],
        about: { limit: ids.rate, key: 'acme', ...full },
      },
    ]);
    expect(counted).toEqual(['grant done', 'reset done']);
    expect((await send('GET /limits/partner/partner-rate?key=acme')).body).toEqual(
      rateOf('acme', { free: 20, fullAfterMs: 0 }),
    );
  });

  it('never make a budget fuller than full', async () => {
    const { change, take } = room();
    take(limits.rate, 'acme', 3);
    const { body } = await change('/limits/partner/partner-rate/grant?key=acme&tokens=1000000000');
    expect(body).toMatchObject({ before: { free: 17 }, after: { free: 20 } });
    expect((await change('/limits/partner/partner-rate/reset?key=nordfracht')).body).toMatchObject({
      before: { free: 20 },
      after: { free: 20 },
    });
  });

  const missing = problem(
    401,
    'A token is needed.',
    'Send Authorization: Bearer and the value of admin.token.',
  );
  it.each<[string, string[], object]>([
    ['no token', [], missing],
    ['another scheme', ['authorization', `Basic ${adminToken}`], missing],
    [
      'a wrong token',
      ['authorization', 'Bearer not-the-token-that-is-meant'],
      { ...missing, title: 'The token is wrong.' },
    ],
    ['two tokens', ['authorization', `Bearer ${adminToken}`, 'authorization', 'Bearer x'], missing],
  ])('refuse %s, change nothing and tell of the attempt', async (_title, fields, refusal) => {
    const { send, take, audit, counted, facts } = room();
    take(limits.rate, 'acme', 20);
    const answer = await send('POST /limits/partner/partner-rate/reset?key=acme', fields);
    expect([answer.status, answer.body]).toEqual([401, refusal]);
    expect(answer.fields).toEqual({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-request-id': expect.any(String) as string,
      'www-authenticate': 'Bearer realm="bulkhead admin"',
    });
    const cause =
      answer.body === missing || fields.length !== 2 || fields[1]?.startsWith('Basic') ? 'missing' : 'wrong';
    expect(audit).toEqual([
      {
        action: 'limit_reset',
        outcome: 'refused',
        by: undefined,
        from: '192.0.2.9',
        requestId: answer.fields['x-request-id'],
        about: { limit: ids.rate, cause: `the token is ${cause}` },
      },
    ]);
    expect(JSON.stringify(audit)).not.toContain('not-the-token');
    expect(counted).toEqual(['reset refused']);
    expect(
      facts[0]!.memory.peek([
        { limit: snapshot.zonesByName.get('partner')!.limits[0]!, key: 'acme', cost: 1 },
      ]),
    ).toMatchObject([{ remaining: 0 }]);
  });

  it('refuse everybody where no token is configured, and say what to configure', async () => {
    const { change, audit, counted } = room({ secret: undefined });
    const { status, body } = await change('/limits/partner/partner-rate/reset?key=acme');
    expect([status, body]).toEqual([
      403,
      problem(
        403,
        'Changes are switched off.',
        'gateway.yaml has no admin.token; with admin: { token: "${file:/run/secrets/admin-token}" } whoever knows it may make changes.',
      ),
    ]);
    expect([audit, counted]).toEqual([[], ['reset refused']]);
  });

  it('tell of ten wrong tokens, then only count them, and take the right one at any time', async () => {
    const { send, change, audit, counted } = room();
    const statuses: number[] = [];
    const wrong = () =>
      send('POST /limits/partner/partner-rate/reset?key=acme', ['authorization', 'Bearer x']);
    for (let i = 0; i < 13; i++) statuses.push((await wrong()).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429, 429]);
    const { fields, body } = await wrong();
    expect([fields['retry-after'], body]).toEqual([
      '6',
      problem(429, 'Too many wrong tokens.', 'The right one is taken at any time.'),
    ]);
    expect([audit.length, counted.length]).toEqual([10, 14]);
    expect((await change('/limits/partner/partner-rate/reset?key=acme')).status).toBe(200);
  });

  it('let every process give back what it holds before, and forget what it was told after', async () => {
    const asked: string[] = [];
    const { change } = room({ processes: 2, fails: ({ about }) => void asked.push(about) });
    await change('/limits/partner/partner-rate/reset?key=acme');
    expect(asked).toEqual(['settle', 'settle', 'credit', 'settle', 'settle']);
  });
});

describe('a store that gives no answer', () => {
  const failure = (uncertain: boolean): LimitAnswer => ({
    about: 'failure',
    cause: 'Redis does not answer',
    uncertain,
  });
  const away = problem(503, 'The store of the limits does not answer.', 'Redis does not answer.');

  it('is told to who looks', async () => {
    const { send } = room({ fails: () => failure(false) });
    const { status, body } = await send('GET /limits/partner/partner-rate?key=acme');
    expect([status, body]).toEqual([503, away]);
  });

  it.each([
    [false, 'refused', away.detail],
    [
      true,
      'unknown',
      `${away.detail} The change may have been made or not: look at the budget before you try again.`,
    ],
  ])('is told to who changes; uncertain %s: %s', async (uncertain, outcome, detail) => {
    const { change, audit, counted } = room({ fails: () => failure(uncertain) });
    const { status, body } = await change('/limits/partner/partner-rate/reset?key=acme');
    expect([status, body]).toEqual([503, { ...away, detail }]);
    expect(audit).toMatchObject([
      { outcome, about: { limit: ids.rate, key: 'acme', cause: 'Redis does not answer.' } },
    ]);
    expect(counted).toEqual([`reset ${outcome}`]);
  });

  it('is one thing, a gateway whose processes do not answer another', async () => {
    const silent = room({ fails: () => 'silence' });
    const nobody = problem(503, 'No process of the gateway answers.', 'Look at /readyz, then try again.');
    for (const target of ['/limits', '/limits/refused', '/limits/partner/partner-rate?key=acme'])
      expect(await silent.body(`GET ${target}`)).toEqual(nobody);
    const { body } = await silent.change('/limits/partner/partner-rate/reset?key=acme');
    expect(body).toEqual({
      ...nobody,
      detail: `${nobody.detail} The change may have been made or not: look at the budget before you try again.`,
    });
    const loading = room({ fails: () => ({ about: 'unknown' }) });
    expect(await loading.body('GET /limits/partner/partner-rate?key=acme')).toEqual(
      problem(
        503,
        'No process knows partner/partner-rate yet.',
        'The configuration is being replaced. Try again in a moment.',
      ),
    );
  });
});

const usage =
  'There are GET /limits, /limits/refused and /limits/<zone>/<name>?key=<key>, and POST /limits/<zone>/<name>/reset?key=<key> and /limits/<zone>/<name>/grant?key=<key>&tokens=<number>.';
const tokensMissing: [string, string] = [
  'How many tokens?',
  'Add &tokens= with a whole number from 1 to 1000000000.',
];
const unreadable: [string, string] = [
  'The target cannot be read.',
  'Write each parameter once, and percent-encode its value.',
];

describe('what cannot be answered is told with what to write instead', () => {
  it.each<[request: string, status: number, title: string, detail: string]>([
    ['GET /limits/', 404, 'There is nothing here.', usage],
    ['GET /limits/refused/x', 404, 'There is no limit refused/x.', 'GET /limits lists all of them.'],
    ['GET /limits/partner', 404, 'There is nothing here.', usage],
    [
      'GET /limits/partner/partner-rat?key=acme',
      404,
      'There is no limit partner/partner-rat.',
      'Did you mean partner/partner-rate?',
    ],
    [
      'GET /limits/public/partner-rate?key=acme',
      404,
      'There is no limit public/partner-rate.',
      'Did you mean partner/partner-rate?',
    ],
    [
      'GET /limits/partner/@address-guard?key=192.0.2.1',
      409,
      'The guard of a zone cannot be looked at.',
      'Each process keeps it for itself, and it refills within seconds.',
    ],
    [
      'GET /limits/partner/partner-rate',
      400,
      'Whose budget of partner/partner-rate?',
      'Add ?key=, such as ?key=acme.',
    ],
    [
      'GET /limits/partner/partner-rate?key=acmee',
      400,
      'Nobody can have this key.',
      'There is no tenant "acmee". Did you mean acme?',
    ],
    ['GET /limits/partner/partner-rate?keys=acme', 400, 'There is no parameter "keys".', 'Did you mean key?'],
    ['GET /limits?key=acme', 400, 'There is no parameter "key".', 'There is none here.'],
    ['GET /limits/refused?count=0', 400, 'The count cannot be read.', 'Write a whole number from 1 to 1000.'],
    [
      'GET /limits/refused?count=1001',
      400,
      'The count cannot be read.',
      'Write a whole number from 1 to 1000.',
    ],
    ['GET /limits/partner/partner-rate?key=%E0%A4', 400, ...unreadable],
    ['GET /limits/%zz', 400, ...unreadable],
    ['GET /limits/partner/partner-rate?key=acme&key=acme', 400, ...unreadable],
    ['POST /limits/partner/partner-rate/grant?key=acme', 400, ...tokensMissing],
    ['POST /limits/partner/partner-rate/grant?key=acme&tokens=0', 400, ...tokensMissing],
    ['POST /limits/partner/partner-rate/grant?key=acme&tokens=-5', 400, ...tokensMissing],
    ['POST /limits/partner/partner-rate/grant?key=acme&tokens=1e3', 400, ...tokensMissing],
    ['POST /limits/partner/partner-rate/grant?key=acme&tokens=1000000001', 400, ...tokensMissing],
    [
      'POST /limits/partner/partner-rate/reset?key=acme&tokens=5',
      400,
      'There is no parameter "tokens".',
      'There is key.',
    ],
    [
      'POST /limits/partner/partner-rate/reset',
      400,
      'Whose budget of partner/partner-rate?',
      'Add ?key=, such as ?key=acme.',
    ],
    [
      'POST /limits/partner/nothing/reset?key=acme',
      404,
      'There is no limit partner/nothing.',
      'GET /limits lists all of them.',
    ],
  ])('%s: %d %s', async (request, status, title, detail) => {
    const { send, audit } = room();
    const answer = await send(request, ['authorization', `Bearer ${adminToken}`]);
    expect([answer.status, answer.body]).toEqual([status, problem(status, title, detail)]);
    expect(audit).toEqual([]);
  });

  it.each([
    ['POST /limits', 'GET, HEAD'],
    ['DELETE /limits/partner/partner-rate?key=acme', 'GET, HEAD'],
    ['POST /limits/partner/partner-rate?key=acme', 'GET, HEAD'],
    ['GET /limits/partner/partner-rate/reset?key=acme', 'POST'],
    ['PUT /limits/partner/partner-rate/grant?key=acme', 'POST'],
  ])('%s: 405, allowed %s', async (request, allow) => {
    const { status, fields, body } = await room().send(request);
    expect([status, fields['allow'], body]).toEqual([
      405,
      allow,
      problem(405, 'The method is not supported here.', `Use ${allow}.`),
    ]);
  });
});
