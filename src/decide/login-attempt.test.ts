import { describe, expect, it } from 'vitest';
import { openScene } from '../../test/support/decision-scene.ts';
import { openPenaltyBook } from '../../test/support/penalty-book.ts';
import type { Refusal } from '../core/decision.ts';
import { type AnswerWatcher, watchLogin } from './login-attempt.ts';

const zones = {
  staff: `zone: staff
match: Host(\`{tenant}.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: people }
`,
  partner: `zone: partner
match: Host(\`{tenant}.partner.test\`)
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
tenant: { from: [host] }
pools: { interactive: people }
`,
  // Reads no call, so that Odoo alone judges what is unreadable.
  lax: `zone: lax
match: Host(\`{tenant}.lax.test\`)
identify: none
tenant: { from: [host] }
odoo: { unreadable: pass }
pools: { interactive: people }
`,
  open: `zone: open
match: Host(\`open.test\`)
bruteForce: false
identify: none
pools: { interactive: people }
`,
};

interface Sent {
  request?: string;
  headers?: Record<string, string>;
  from?: string;
  body?: string | undefined;
}

interface Answer {
  status?: number;
  fields?: string[];
  body?: string;
}

const page: Answer = { status: 200, body: '<form>' };
const wayOn: Answer = { status: 303, fields: ['location', '/odoo'] };
const accessDenied: Answer = { body: '{"error":{"data":{"name":"odoo.exceptions.AccessDenied"}}}' };
const records: Answer = { body: '{"result":[]}' };

function open({ slow = false }: { slow?: boolean } = {}) {
  const scene = openScene(zones);
  const penalties = openPenaltyBook(scene.clock, { slow });

  async function decide({ request = 'POST https://acme.example/web/login', headers, from, body }: Sent) {
    const as = request.includes('partner') ? { as: { jwt: { sub: 'edi' } } } : {};
    return await scene.live(request, {
      ...as,
      ...(headers && { headers }),
      from: from ?? '192.0.2.7',
      body,
      effects: penalties.effects,
    });
  }

  /** The watcher of a request that the decision allows. */
  async function watch(sent: Sent): Promise<AnswerWatcher> {
    const watcher = watchLogin((await decide(sent)).inquiry);
    if (watcher === undefined) throw new Error('the request is not watched');
    return watcher;
  }

  function answer(watcher: AnswerWatcher, { status = 200, fields = [], body = '' }: Answer): void {
    watcher.onAnswer(status, fields);
    for (let i = 0; i < body.length; i += 10) watcher.onChunk(Buffer.from(body.slice(i, i + 10)));
    watcher.onEnd();
  }

  /** Sends a request and lets Odoo answer; `passed` when it was not refused. */
  async function attempt(sent: Sent, answered: Answer): Promise<'passed' | Refusal> {
    const { decision, inquiry } = await decide(sent);
    if (decision.decision === 'refuse') return decision.refusal;
    const watcher = watchLogin(inquiry);
    if (watcher === undefined) throw new Error('the request is not watched');
    const refusal = await watcher.begin(sent.body === undefined ? undefined : Buffer.from(sent.body));
    if (refusal !== undefined) return refusal;
    answer(watcher, answered);
    await new Promise(setImmediate);
    return 'passed';
  }
  const verdictOf = async (sent: Sent, answered: Answer): Promise<string> => {
    const result = await attempt(sent, answered);
    return result === 'passed' ? result : `${result.policies?.join() ?? ''} ${result.retryAfterMs ?? 0}`;
  };
  return { ...penalties, scene, decide, watch, answer, attempt, verdictOf };
}

const form = (login: string, password: string): string =>
  new URLSearchParams({ csrf_token: 'x', login, password }).toString();
const rpc = (service: string, method: string, ...args: unknown[]): Sent => ({
  request: 'POST https://acme.example/jsonrpc',
  body: JSON.stringify({ params: { service, method, args } }),
});
const execute = (uid: number, password: string): Sent =>
  rpc('object', 'execute_kw', 'acme_db', uid, password, 'res.partner', 'read', [[1]]);

describe.each([false, true])('with a store that answers later: %s', (slow) => {
  it('the account is held back after its free failures, whatever the address and the letter case', async () => {
    const { verdictOf, scene } = open({ slow });
    const verdicts: string[] = [];
    for (const [i, login] of ['alice', 'Alice', 'ALICE', 'alice'].entries())
      verdicts.push(await verdictOf({ from: `192.0.2.${i}`, body: form(login, `guess ${i}`) }, page));
    expect(verdicts).toEqual(['passed', 'passed', 'passed', 'account-failures 1000']);
    expect(await verdictOf({ body: form('bob', 'x') }, page)).toBe('passed');
    scene.clock.advance(1000);
    expect(await verdictOf({ body: form('alice', 'y') }, page)).toBe('passed');
    expect(await verdictOf({ body: form('alice', 'z') }, page)).toBe('account-failures 2000');
  });

  it('the address is held back after its free failures, whatever the account', async () => {
    const { verdictOf } = open({ slow });
    const verdicts: string[] = [];
    for (let i = 0; i < 6; i++) verdicts.push(await verdictOf({ body: form(`user ${i}`, 'x') }, page));
    expect(verdicts).toEqual([...Array.from({ length: 5 }, () => 'passed'), 'address-failures 1000']);
  });

  it('one account is one over all protocols that name it', async () => {
    const { verdictOf } = open({ slow });
    const session = {
      request: 'POST https://acme.example/web/session/authenticate',
      body: JSON.stringify({ params: { db: 'acme_db', login: 'alice', password: 'x' } }),
    };
    const xml = {
      request: 'POST https://acme.example/xmlrpc/2/common',
      body: '<methodCall><methodName>login</methodName><params><param><value>acme_db</value></param><param><value>alice</value></param><param><value>y</value></param></params></methodCall>',
    };
    const fault = {
      body: '<methodResponse><params><param><value><boolean>0</boolean></value></param></params></methodResponse>',
    };
    expect(await verdictOf({ body: form('alice', 'w') }, page)).toBe('passed');
    expect(await verdictOf(session, accessDenied)).toBe('passed');
    expect(await verdictOf(xml, fault)).toBe('passed');
    const login = rpc('common', 'authenticate', 'acme_db', 'alice', 'z', {});
    expect(await verdictOf(login, { body: '{"result":false}' })).toBe('account-failures 1000');
  });

  it('a right password clears the account, and takes only itself from the address', async () => {
    const { verdictOf, memory, book } = open({ slow });
    for (const password of ['a', 'b']) await verdictOf({ body: form('alice', password) }, page);
    expect(await verdictOf({ body: form('alice', 'right') }, wayOn)).toBe('passed');
    const [account, address] = [book.account('acme_db', 'alice'), book.address('192.0.2.7')!];
    expect(memory.act('look', account.key, account.rule).failures).toBe(0);
    expect(memory.act('look', address.key, address.rule).failures).toBe(2);
  });

  it('who knows the right password is not held back by the guesses of others', async () => {
    const { verdictOf } = open({ slow });
    expect(await verdictOf({ body: form('alice', 'right') }, wayOn)).toBe('passed');
    for (let i = 0; i < 4; i++) await verdictOf({ from: '203.0.113.9', body: form('alice', `${i}`) }, page);
    expect(await verdictOf({ body: form('alice', 'guess') }, page)).toBe('account-failures 1000');
    expect(await verdictOf({ body: form('alice', 'right') }, wayOn)).toBe('passed');
  });

  it('a program that logs in all the time does not clear the way for a guesser', async () => {
    const { verdictOf } = open({ slow });
    const verdicts: string[] = [];
    for (let i = 0; i < 5; i++) {
      expect(await verdictOf({ body: form('alice', 'right') }, wayOn)).toBe('passed');
      verdicts.push(await verdictOf({ from: `203.0.113.${i}`, body: form('alice', `guess ${i}`) }, page));
    }
    expect(verdicts).toEqual([
      'passed',
      'passed',
      'passed',
      'account-failures 1000',
      'account-failures 1000',
    ]);
  });

  it('a password that was right and is not any more is a failure like any other', async () => {
    const { verdictOf, told } = open({ slow });
    await verdictOf({ body: form('alice', 'old') }, wayOn);
    const verdicts: string[] = [];
    for (let i = 0; i < 5; i++) verdicts.push(await verdictOf({ body: form('alice', 'old') }, page));
    expect(verdicts).toEqual([
      'passed',
      'passed',
      'passed',
      'account-failures 1000',
      'account-failures 1000',
    ]);
    expect(told.filter((line) => line === 'staff login')).toHaveLength(3);
  });

  it('many attempts at once are no way around: no more get through than may fail', async () => {
    const { watch } = open({ slow });
    const watchers = await Promise.all(Array.from({ length: 50 }, () => watch({})));
    const begun = await Promise.all(
      watchers.map(async (watcher, i) => watcher.begin(Buffer.from(form('alice', `guess ${i}`)))),
    );
    expect(begun.filter((refusal) => refusal === undefined)).toHaveLength(3);
  });
});

describe('an attempt', () => {
  it.each<[string, Answer]>([
    ['whose form has expired', { status: 400 }],
    ['that Odoo could not answer', { status: 502 }],
    ['that only changed the database', { status: 302, fields: ['location', '/web/login'] }],
  ])('%s is none', async (_title, answered) => {
    const { verdictOf, memory } = open();
    for (let i = 0; i < 9; i++)
      expect(await verdictOf({ body: form('alice', 'x') }, answered)).toBe('passed');
    expect(memory.size).toBe(0);
  });

  it('whose answer is lost is none', async () => {
    const { watch, memory, answer } = open();
    const watcher = await watch({});
    await watcher.begin(Buffer.from(form('alice', 'x')));
    expect(memory.size).toBe(2);
    watcher.onAnswer(200, []);
    watcher.onLost();
    watcher.onLost();
    expect(memory.size).toBe(0);
    const second = await watch({});
    await second.begin(Buffer.from(form('alice', 'x')));
    answer(second, page);
    second.onLost();
    expect(memory.size).toBe(2);
  });

  it('whose client goes away while the store is asked is none', async () => {
    const { watch, memory } = open({ slow: true });
    const watcher = await watch({});
    const begun = watcher.begin(Buffer.from(form('alice', 'x')));
    watcher.onLost();
    await begun;
    await new Promise(setImmediate);
    expect(memory.size).toBe(0);
  });

  it('in a body that cannot be read counts for the address alone', async () => {
    const { verdictOf, memory, told } = open();
    const verdicts: string[] = [];
    for (let i = 0; i < 6; i++) {
      const unread = { request: 'POST https://acme.lax.test/jsonrpc', body: '{"params":NaN}' };
      verdicts.push(await verdictOf(unread, accessDenied));
    }
    expect(verdicts).toEqual([...Array.from({ length: 5 }, () => 'passed'), 'address-failures 1000']);
    expect(memory.size).toBe(1);
    expect(told).toContain('lax rpc');
  });

  it('at a second factor counts for the address alone', async () => {
    const { verdictOf, memory } = open();
    await verdictOf({ request: 'POST https://acme.example/web/login/totp', body: 'totp_token=1' }, page);
    expect(memory.size).toBe(1);
  });

  it('from an exempt address counts for the account alone', async () => {
    const { verdictOf, memory } = open();
    await verdictOf({ from: '10.1.2.3', body: form('alice', 'x') }, page);
    expect(memory.size).toBe(1);
  });
});

describe('a call with a password', () => {
  it('counts when it fails, for its user id and its address', async () => {
    const { verdictOf, scene, told } = open();
    const verdicts: string[] = [];
    for (let i = 0; i < 4; i++) verdicts.push(await verdictOf(execute(7, `guess ${i}`), accessDenied));
    expect(verdicts).toEqual(['passed', 'passed', 'passed', 'account-failures 1000']);
    expect(told).toEqual(['staff rpc', 'staff rpc', 'staff rpc', 'staff penalty of the account']);
    scene.clock.advance(1000);
    expect(await verdictOf(execute(7, 'x'), accessDenied)).toBe('passed');
  });

  it('that works leaves nothing behind, and goes on working while others guess', async () => {
    const { verdictOf, memory } = open();
    for (let i = 0; i < 9; i++) expect(await verdictOf(execute(7, 'right'), records)).toBe('passed');
    expect(memory.size).toBe(0);
    for (let i = 0; i < 9; i++) await verdictOf({ ...execute(7, `${i}`), from: '192.0.2.7' }, accessDenied);
    expect(await verdictOf(execute(7, 'guess'), accessDenied)).toBe('account-failures 1000');
    expect(await verdictOf(execute(7, 'right'), records)).toBe('passed');
  });

  it('whose id makes the answer too long to be read is no way around', async () => {
    const { verdictOf, memory } = open();
    const body = `{"jsonrpc": "2.0", "id": "${'x'.repeat(70_000)}", "error": {"data": {"name": "odoo.exceptions.AccessDenied"}}}`;
    await verdictOf(execute(7, 'x'), { body });
    expect(memory.size).toBe(2);
  });

  it('that needs no password is not counted, even where the address is held back', async () => {
    const { verdictOf, memory } = open();
    for (let i = 0; i < 6; i++) await verdictOf(execute(i, 'x'), accessDenied);
    expect(await verdictOf(execute(9, 'x'), accessDenied)).toBe('address-failures 1000');
    const size = memory.size;
    expect(await verdictOf(rpc('common', 'version'), { body: '{"result":{}}' })).toBe('passed');
    expect(memory.size).toBe(size);
  });

  it('fails by no answer that is packed, nor by one that is large', async () => {
    const { verdictOf, memory } = open();
    const packed = { ...accessDenied, fields: ['content-encoding', 'gzip'] };
    expect(await verdictOf(execute(7, 'x'), packed)).toBe('passed');
    const large = { body: `{"jsonrpc": "2.0", "id": 7, "result": "${'x'.repeat(70_000)}"}` };
    expect(await verdictOf(execute(7, 'x'), large)).toBe('passed');
    expect(memory.size).toBe(0);
  });
});

describe('a JSON-2 call', () => {
  const call = (key: string): Sent => ({
    request: 'POST https://acme.example/json/2/res.partner/read',
    headers: { authorization: `Bearer ${key}` },
  });
  const unauthorized: Answer = { status: 401 };

  it('with a wrong API key counts for its address, and a key that worked goes on working', async () => {
    const { verdictOf, told } = open();
    expect(await verdictOf(call('right'), { status: 200 })).toBe('passed');
    const verdicts: string[] = [];
    for (let i = 0; i < 6; i++) verdicts.push(await verdictOf(call(`guess ${i}`), unauthorized));
    expect(verdicts).toEqual([...Array.from({ length: 5 }, () => 'passed'), 'address-failures 1000']);
    expect(told.at(-1)).toBe('staff penalty of the address');
    expect(told[0]).toBe('staff api_key');
    expect(await verdictOf(call('right'), { status: 200 })).toBe('passed');
  });

  it.each<[string, Sent]>([
    ['without a key', { request: 'POST https://acme.example/json/2/res.partner/read' }],
    [
      'whose key the gateway sets itself',
      { ...call('x'), request: 'POST https://acme.partner.test/json/2/res.partner/read' },
    ],
  ])('%s is not watched', async (_title, sent) => {
    const { decision, inquiry } = await open().decide(sent);
    expect([decision.decision, watchLogin(inquiry)]).toEqual(['allow', undefined]);
  });
});

it.each([
  'GET https://acme.example/web/login',
  'POST https://acme.example/web/dataset/call_kw/res.partner/read',
  'POST https://open.test/web/login',
])('%s is not watched', async (request) => {
  const { decision, inquiry } = await open().decide({ request });
  expect([decision.decision, watchLogin(inquiry)]).toEqual(['allow', undefined]);
});
