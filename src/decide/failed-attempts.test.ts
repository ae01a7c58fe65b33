import { describe, expect, it } from 'vitest';
import { openScene, requestId } from '../../test/support/decision-scene.ts';
import { openPenaltyBook } from '../../test/support/penalty-book.ts';
import type { Verifiers } from '../auth/identify.ts';
import type { AuthReason } from '../auth/refusal.ts';
import type { Reason } from '../core/reason.ts';
import { decisionJson } from './decision-json.ts';
import type { Effects } from './effects.ts';
import { renderRefusal } from './refusal-answer.ts';

const zones = {
  partner: `zone: partner
match: Host(\`{tenant}.partner.example\`)
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
tenant: { from: [host] }
pools: { interactive: people }
`,
  staff: `zone: staff
match: Host(\`{tenant}.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: people }
`,
  open: `zone: open
match: Host(\`open.test\`)
bruteForce: false
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
pools: { interactive: people }
`,
};
const token = { authorization: 'Bearer x' };

/** Verifiers that refuse every token for this reason, and know those that are listed. */
function refusing(reason: AuthReason, known: readonly string[] = []): Verifiers {
  return {
    token: () => ({ reason }),
    certificate: () => ({ reason: 'certificate_malformed' }),
    knowsToken: (candidate) => known.includes(candidate),
  };
}

function open() {
  const scene = openScene(zones);
  const penalties = openPenaltyBook(scene.clock);
  const reasonOf = (
    request: string,
    {
      headers = token,
      from = '192.0.2.7',
      effects = {},
      peer = false,
    }: { headers?: Record<string, string>; from?: string; effects?: Partial<Effects>; peer?: boolean } = {},
  ): Reason | 'allow' => {
    const all = { ...penalties.effects, verifiers: refusing('token_signature_invalid'), ...effects };
    const { decision, reason } = scene.ask(request, {
      headers,
      from,
      effects: all,
      head: { forwardedByPeer: peer },
    });
    return decision === 'allow' ? 'allow' : (reason as Reason);
  };
  return { scene, ...penalties, reasonOf };
}

const call = 'POST https://acme.partner.example/json/2/res.partner/read';

describe('refused tokens', () => {
  it('are counted by address, and after too many nothing more is verified from there for a while', () => {
    const { scene, reasonOf, told } = open();
    const seen = Array.from({ length: 7 }, () => reasonOf(call));
    expect(seen).toEqual([
      ...Array.from({ length: 5 }, () => 'token_signature_invalid'),
      'too_many_failed_attempts',
      'too_many_failed_attempts',
    ]);
    expect(told.filter((line) => line.includes('penalty'))).toEqual(['partner penalty of the address']);
    expect(reasonOf(call, { from: '192.0.2.8' })).toBe('token_signature_invalid');
    scene.clock.advance(999);
    expect(reasonOf(call)).toBe('too_many_failed_attempts');
    scene.clock.advance(1);
    expect([reasonOf(call), reasonOf(call)]).toEqual(['token_signature_invalid', 'too_many_failed_attempts']);
    scene.clock.advance(1999);
    expect(reasonOf(call)).toBe('too_many_failed_attempts');
    scene.clock.advance(1);
    expect(reasonOf(call)).toBe('token_signature_invalid');
  });

  it('hold back neither a token that was genuine lately nor a request without one', () => {
    const { reasonOf } = open();
    for (let i = 0; i < 6; i++) reasonOf(call);
    expect(reasonOf(call)).toBe('too_many_failed_attempts');
    const genuine = refusing('token_audience_not_allowed', ['good']);
    expect(
      reasonOf(call, { headers: { authorization: 'Bearer good' }, effects: { verifiers: genuine } }),
    ).toBe('token_audience_not_allowed');
    expect(reasonOf(call, { headers: {} })).toBe('credentials_missing');
  });

  it.each<[AuthReason, 'counts' | 'does not count']>([
    ['token_malformed', 'counts'],
    ['token_algorithm_not_allowed', 'counts'],
    ['token_key_unknown', 'counts'],
    ['token_signature_invalid', 'counts'],
    ['token_issuer_not_allowed', 'counts'],
    ['token_expired', 'does not count'],
    ['token_not_yet_valid', 'does not count'],
    ['token_audience_not_allowed', 'does not count'],
    ['token_claims_invalid', 'does not count'],
    ['identity_provider_unavailable', 'does not count'],
    ['credentials_missing', 'does not count'],
  ])('%s %s', (reason, counts) => {
    const { reasonOf, memory } = open();
    expect(reasonOf(call, { effects: { verifiers: refusing(reason) } })).toBe(reason);
    expect(memory.size).toBe(counts === 'counts' ? 1 : 0);
  });

  it('count nothing at an exempt address, and nothing in a zone that has switched it off', () => {
    const { reasonOf, memory } = open();
    for (let i = 0; i < 9; i++) {
      expect(reasonOf(call, { from: '10.0.0.7' })).toBe('token_signature_invalid');
      expect(reasonOf('GET https://open.test/')).toBe('token_signature_invalid');
    }
    expect(memory.size).toBe(0);
  });

  it('are answered as abnormal usage, with the wait and the line of the switch', () => {
    const { scene, effects, reasonOf } = open();
    for (let i = 0; i < 5; i++) reasonOf(call);
    const decided = scene.live(call, {
      headers: token,
      from: '192.0.2.7',
      effects: { ...effects, verifiers: refusing('token_signature_invalid') },
    });
    if (decided instanceof Promise || decided.decision.decision === 'allow') throw new Error('not refused');
    const { refusal } = decided.decision;
    expect(refusal).toEqual({
      reason: 'too_many_failed_attempts',
      at: 'zones/partner.yaml:1:1',
      detail: 'Too many attempts from this address have failed.',
      retryAfterMs: 1000,
      policies: ['address-failures'],
    });
    const context = { requestId, style: 'problem', rpcId: null, zone: 'partner', limits: [] } as const;
    const answer = renderRefusal(refusal, context, () => 0);
    expect([answer.status, answer.fields.slice(4, 6), JSON.parse(answer.body)]).toEqual([
      429,
      ['retry-after', '1'],
      {
        type: 'https://iana.org/assignments/http-problem-types#abnormal-usage-detected',
        title: 'Too many failed attempts to authenticate',
        status: 429,
        detail: 'Too many attempts from this address have failed.',
        instance: expect.stringContaining(requestId) as string,
        reason: 'too_many_failed_attempts',
        requestId,
        'violated-policies': ['address-failures'],
      },
    ]);
  });

  it('are not counted by explain, which shows who is held back', () => {
    const { scene, effects, memory, reasonOf } = open();
    const asked = {
      headers: token,
      from: '192.0.2.7',
      effects: { ...effects, countFailure: () => undefined, verifiers: refusing('token_malformed') },
    };
    for (let i = 0; i < 9; i++) expect(scene.explain(call, asked).reason).toBe('token_malformed');
    expect(memory.size).toBe(0);
    for (let i = 0; i < 5; i++) reasonOf(call);
    const { reason, status, trace } = scene.explain(call, asked);
    expect([reason, status, trace.at(-1)]).toEqual([
      'too_many_failed_attempts',
      429,
      {
        stage: 'address',
        outcome: 'too_many_failed_attempts',
        at: 'zones/partner.yaml:1:1',
        note: 'Too many attempts from this address have failed.',
      },
    ]);
  });

  it('of an address that the shared store holds back are refused when it has answered', async () => {
    const { scene } = open();
    const { effects, book } = openPenaltyBook(scene.clock, { slow: true });
    const subject = book.address('192.0.2.7')!;
    book.fail(
      Array.from({ length: 5 }, () => subject),
      { zone: 'partner', kind: 'token', counted: false },
    );
    const decided = await scene.live(call, {
      headers: token,
      from: '192.0.2.7',
      effects: { ...effects, verifiers: refusing('token_malformed') },
    });
    expect(decisionJson(decided.decision).reason).toBe('too_many_failed_attempts');
  });
});

describe('an address that is held back', () => {
  const held = () => {
    const opened = open();
    for (let i = 0; i < 5; i++) opened.reasonOf(call);
    return opened;
  };

  it.each<[string, Reason | 'allow']>([
    ['POST https://acme.example/web/login', 'too_many_failed_attempts'],
    ['POST https://acme.example/de/web/login/totp', 'too_many_failed_attempts'],
    ['POST https://acme.example/web/session/authenticate', 'too_many_failed_attempts'],
    ['GET https://acme.example/web/login', 'allow'],
    ['POST https://acme.example/web/dataset/call_kw/res.partner/read', 'allow'],
    ['POST https://acme.example/jsonrpc', 'odoo_call_unreadable'],
    ['POST https://acme.example/json/2/res.partner/read', 'allow'],
  ])('%s: %s, where the gateway will read the body', (request, verdict) => {
    expect(held().reasonOf(request)).toBe(verdict);
  });

  it.each<[string, Record<string, string>, Reason | 'allow']>([
    ['POST https://acme.example/web/login', {}, 'too_many_failed_attempts'],
    ['POST https://acme.example/jsonrpc', {}, 'too_many_failed_attempts'],
    ['POST https://acme.example/xmlrpc/2/object', {}, 'too_many_failed_attempts'],
    ['POST https://acme.example/json/2/res.partner/read', token, 'too_many_failed_attempts'],
    ['POST https://acme.example/json/2/res.partner/read', {}, 'allow'],
    ['GET https://acme.example/odoo', {}, 'allow'],
  ])('%s %j: %s, where another proxy forwards it', (request, headers, verdict) => {
    expect(held().reasonOf(request, { headers, peer: true })).toBe(verdict);
  });
});
