import { describe, expect, it } from 'vitest';
import { type Asked, openScene, type Scene } from '../../test/support/decision-scene.ts';
import type { Charge, LimitReply } from '../limits/store.ts';
import { decisionJson } from './decision-json.ts';
import type { Effects } from './effects.ts';

const partner = `zone: partner
match: Host(\`{tenant}.partner.example\`)
address: { guard: { rate: 9/h } }
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead, scopes: [edi] }] }
tenant: { from: [host] }
limits: [{ name: by-tenant, key: tenant, rate: 2/h }]
pools: { interactive: people }
`;
const request = 'POST https://acme.partner.example/json/2/stock.picking/read';
const as = { jwt: { sub: 'edi-acme', scope: 'edi', tenant: 'acme' } };

/** The parts of the effects that may have to wait, each made to wait. */
const slowParts: Record<'guard' | 'verifier' | 'store', (scene: Scene, asked: Asked) => Partial<Effects>> = {
  guard: ({ guard }) => ({ chargeGuard: (charges) => Promise.resolve(guard.take(charges)) }),
  verifier(scene, asked) {
    const verifiers = scene.verifiersFor(asked);
    return {
      verifiers: {
        ...verifiers,
        token: (token, alternative) => Promise.resolve(verifiers.token(token, alternative)),
      },
    };
  },
  store: ({ limits }) => ({ charge: (charges) => Promise.resolve(limits.take(charges)) }),
};
type Slow = keyof typeof slowParts;
const everyMix: Slow[][] = [
  ['guard'],
  ['verifier'],
  ['store'],
  ['guard', 'verifier'],
  ['guard', 'store'],
  ['verifier', 'store'],
  ['guard', 'verifier', 'store'],
];

async function askSlowly(scene: Scene, slow: readonly Slow[], asked: Asked) {
  const effects = Object.assign(
    { tracing: true },
    ...slow.map((part) => slowParts[part](scene, asked)),
  ) as object;
  const decided = scene.live(request, { ...asked, effects });
  expect(decided).toBeInstanceOf(Promise);
  return decisionJson((await decided).decision);
}

describe('decide answers at once', () => {
  it.each<[string, Asked]>([
    ['when it admits', { as }],
    ['when it refuses', {}],
  ])('%s and nothing has to wait', (_title, asked) => {
    expect(openScene({ partner }).live(request, asked)).not.toBeInstanceOf(Promise);
  });

  it('when a stage before the slow one refuses', () => {
    const scene = openScene({ partner });
    const effects = slowParts.store(scene, {});
    expect(scene.live(request, { effects })).not.toBeInstanceOf(Promise);
  });
});

describe('decide says the same when it has to wait for', () => {
  it.each(everyMix.map((slow) => [slow.join(', '), slow] as const))('the %s', async (_title, slow) => {
    const quick = openScene({ partner });
    const scene = openScene({ partner });
    // Admitted twice, then over the budget.
    for (let i = 0; i < 3; i++) {
      expect(await askSlowly(scene, slow, { as })).toEqual(quick.ask(request, { as }));
    }
    expect(quick.ask(request, { as }).reason).toBe('limit_exceeded');
  });

  it('a verifier that refuses late, and nothing after it runs', async () => {
    const scene = openScene({ partner });
    const asked: Asked = { as: { jwt: { ...as.jwt, aud: 'another' } } };
    const charge = (): LimitReply => {
      throw new Error('a refused request was charged');
    };
    const effects = { ...slowParts.verifier(scene, asked), charge, tracing: true };
    const { decision } = await scene.live(request, { ...asked, effects });
    expect(decisionJson(decision)).toEqual(openScene({ partner }).ask(request, asked));
    expect(decisionJson(decision).reason).toBe('token_audience_not_allowed');
  });

  it('a guard that refuses late, and no verifier is asked', async () => {
    const scene = openScene({ partner });
    for (let i = 0; i < 9; i++) scene.ask(request);
    const verifiers = {
      ...scene.verifiersFor({ as }),
      token: () => {
        throw new Error('a verifier was asked');
      },
    };
    const effects = { ...slowParts.guard(scene, {}), verifiers };
    const { decision } = await scene.live(request, { as, effects });
    expect(decisionJson(decision).reason).toBe('address_rate_exceeded');
  });
});

describe('a store that does not answer', () => {
  const unavailable = ([charge]: readonly Charge[]): LimitReply => {
    if (charge === undefined) throw new TypeError('"charges" is empty');
    return { unavailable: charge.limit, retryAfterMs: 250 };
  };

  it.each<[string, Partial<Effects>]>([
    ['at once', { charge: unavailable }],
    ['late', { charge: (charges) => Promise.resolve(unavailable(charges)) }],
  ])('refuses the request at the limit that is closed then, %s', async (_title, effects) => {
    const { decision } = await openScene({ partner }).live(request, { as, effects });
    expect(decision).toMatchObject({
      decision: 'refuse',
      refusal: { reason: 'limit_store_unavailable', at: 'zones/partner.yaml:6:10', retryAfterMs: 250 },
      workload: 'interactive',
      pool: undefined,
      limits: [],
    });
  });

  it('fails the decision when it throws, and nothing is let pass', async () => {
    const effects = { charge: () => Promise.reject(new Error('gone')) };
    await expect(openScene({ partner }).live(request, { as, effects })).rejects.toThrow('gone');
  });
});
