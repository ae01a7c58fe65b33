import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  generateSigningKey,
  sendJson,
  startJwksServer,
  type JwksServer,
} from '../../test/servers/jwks-server.ts';
import { manualTime, type ManualTime } from '../../test/servers/manual-time.ts';
import { compileIdentities, type CompiledIssuer } from './compile.ts';
import { openKeySource, type KeySource, type KeySourceStatus } from './jwks.ts';
import type { SigningKey } from './key-set.ts';
import { identitiesSchema } from './options.ts';

const old = await generateSigningKey('RS256', 'old');
const fresh = await generateSigningKey('RS256', 'new');
const curve = await generateSigningKey('ES256', 'curve');

let server: JwksServer;
let time: ManualTime;
let source: KeySource | undefined;
let attempts: KeySourceStatus[];

beforeEach(async () => {
  server = await startJwksServer();
  server.publish([old.publicJwk]);
  time = manualTime();
  attempts = [];
});
afterEach(async () => {
  source?.close();
  await server.stop();
});

function issuerOf(settings: Record<string, unknown>): CompiledIssuer {
  const section = identitiesSchema.parse({ issuers: [{ name: 'idp', issuer: server.url, ...settings }] });
  const issuer = compileIdentities(section, 0).identities.issuers.get('idp');
  if (issuer === undefined) throw new Error('no issuer');
  return issuer;
}

function open(settings: Record<string, unknown> = { jwks: `${server.url}/jwks` }): KeySource {
  source = openKeySource(issuerOf(settings), {
    clock: time.clock,
    scheduler: time.scheduler,
    fetch: globalThis.fetch,
    onRefresh: (_, status) => attempts.push(status),
  });
  return source;
}

async function kidOf(found: ReturnType<KeySource['find']>): Promise<string | undefined> {
  const key = await found;
  return typeof key === 'string' ? key : key.kid;
}

/** Lets background fetches come to their end. */
async function attemptNumber(count: number): Promise<void> {
  while (attempts.length < count) await setImmediate();
}

describe('the key source', () => {
  it('fetches once for concurrent first uses, and then answers synchronously', async () => {
    const keys = open();
    const found = await Promise.all([keys.find('RS256', 'old'), keys.find('RS256', 'old'), keys.warm()]);
    expect(found[0]).toMatchObject({ kid: 'old', algorithm: 'RS256', withdrawn: false });
    expect(found[1]).toBe(found[0]);
    expect(keys.find('RS256', 'old')).toBe(found[0]);
    expect(server.requests()).toBe(1);
  });

  it('fetches again for an unknown kid at most once per 30 s, however many come', async () => {
    const keys = open();
    await keys.warm();
    expect(keys.find('RS256', 'new')).toBe('token_key_unknown');
    expect(server.requests()).toBe(1);

    time.advance(29_999);
    expect(keys.find('RS256', 'new')).toBe('token_key_unknown');
    time.advance(1);
    server.publish([old.publicJwk, fresh.publicJwk]);
    const flood = Array.from({ length: 100 }, (_, i) => kidOf(keys.find('RS256', `forged-${i}`)));
    const rotated = kidOf(keys.find('RS256', 'new'));
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['token_key_unknown']));
    expect(await rotated).toBe('new');
    expect(server.requests()).toBe(2);

    for (let i = 0; i < 100; i++) expect(keys.find('RS256', `more-${i}`)).toBe('token_key_unknown');
    expect(server.requests()).toBe(2);
  });

  it('fetches in the background every 10 minutes and marks keys that are gone', async () => {
    const keys = open();
    await keys.warm();
    const before = keys.find('RS256', 'old') as SigningKey;
    server.publish([fresh.publicJwk]);
    time.advance(599_999);
    expect(attempts).toHaveLength(1);
    time.advance(1);
    await attemptNumber(2);
    expect(before.withdrawn).toBe(true);
    expect(keys.find('RS256', 'new')).toMatchObject({ kid: 'new', withdrawn: false });
    expect(keys.status()).toEqual({ keys: 1, ageMs: 0, failure: undefined });
  });

  it('keeps the same key objects over a refresh that brings the same keys', async () => {
    const keys = open();
    await keys.warm();
    const before = keys.find('RS256', 'old') as SigningKey;
    time.advance(600_000);
    await attemptNumber(2);
    expect(keys.find('RS256', 'old')).toBe(before);
    expect(before.withdrawn).toBe(false);
  });

  it('goes on with the keys it has while the provider is down, and finds new ones once it is back', async () => {
    const keys = open();
    await keys.warm();
    await server.stop();
    time.advance(600_000);
    await attemptNumber(2);
    const url = `${server.url}/jwks`;
    expect(attempts[1]).toEqual({
      keys: 1,
      ageMs: 600_000,
      failure: `${url}: connect ECONNREFUSED ${server.url.slice('http://'.length)}`,
    });
    expect(keys.find('RS256', 'old')).toMatchObject({ kid: 'old', withdrawn: false });
    expect(keys.find('RS256', 'new')).toBe('token_key_unknown');

    await server.reopen();
    server.publish([fresh.publicJwk]);
    time.advance(30_000);
    await attemptNumber(3);
    expect(keys.find('RS256', 'new')).toMatchObject({ kid: 'new' });
    expect(attempts[2]).toEqual({ keys: 1, ageMs: 0, failure: undefined });
  });

  it('says that the provider is unavailable while there is no key, asking at most every 5 s', async () => {
    const keys = open();
    server.misbehave((_, response) => {
      response.statusCode = 500;
      response.end();
    });
    expect(await keys.find('RS256', 'old')).toBe('identity_provider_unavailable');
    time.advance(4_999);
    for (let i = 0; i < 50; i++) expect(keys.find('RS256', 'old')).toBe('identity_provider_unavailable');
    expect(server.requests()).toBe(1);
    expect(keys.status()).toEqual({
      keys: 0,
      ageMs: undefined,
      failure: `${server.url}/jwks: the answer has status 500`,
    });

    server.misbehave(undefined);
    time.advance(1);
    expect(await kidOf(keys.find('RS256', 'old'))).toBe('old');
    expect(server.requests()).toBe(2);
  });

  it('gives up on a provider that does not answer completely within 5 s', async () => {
    const keys = open();
    server.misbehave((_, response) => {
      response.write('{"keys":[');
    });
    const asked = server.nextRequest();
    const found = keys.find('RS256', 'old');
    await asked;
    time.advance(4_999);
    expect(keys.status().failure).toBeUndefined();
    time.advance(1);
    expect(await found).toBe('identity_provider_unavailable');
    expect(keys.status().failure).toBe(`${server.url}/jwks: no complete answer within 5 s`);
  });

  it('stops its timers and fetches when it is closed, and goes on answering with the keys it has', async () => {
    const keys = open();
    await keys.warm();
    expect(time.pending()).toBe(1);
    keys.close();
    expect(time.pending()).toBe(0);
    time.advance(3_600_000);
    await setImmediate();
    expect(keys.find('RS256', 'old')).toMatchObject({ kid: 'old' });
    expect(keys.find('RS256', 'new')).toBe('token_key_unknown');
    expect(server.requests()).toBe(1);
  });
});

describe('a refresh that brings nothing usable leaves the keys as they are', () => {
  const big = JSON.stringify({ keys: [old.publicJwk], padding: 'x'.repeat(256 * 1024) });
  it.each([
    ['no JSON', '<html>', /^Unexpected token '<'/],
    ['not a key set', '{"keys":{}}', /^the answer is not a JWK set$/],
    ['null', 'null', /^the answer is not a JWK set$/],
    ['an empty set', '{"keys":[]}', /^the JWK set has no key for the configured algorithms$/],
    ['too large', big, /^the answer has more than 262144 bytes$/],
    [
      'too many keys',
      JSON.stringify({ keys: Array.from({ length: 101 }, () => old.publicJwk) }),
      /^the JWK set has more than 100 keys$/,
    ],
    [
      'keys of other algorithms',
      JSON.stringify({ keys: [curve.publicJwk] }),
      /^the JWK set has no key for the configured algorithms$/,
    ],
  ])('%s', async (_, body, message) => {
    const keys = open({ jwks: `${server.url}/jwks`, algorithms: ['RS256'] });
    await keys.warm();
    server.misbehave((__, response) => response.end(body));
    time.advance(600_000);
    await attemptNumber(2);
    expect(attempts[1]?.failure?.replace(`${server.url}/jwks: `, '')).toMatch(message);
    expect(keys.find('RS256', 'old')).toMatchObject({ kid: 'old', withdrawn: false });
  });

  it('a redirect, which could lead to keys of another host', async () => {
    const keys = open();
    server.misbehave((request, response) => {
      if (request.url === '/elsewhere') {
        sendJson(response, { keys: [old.publicJwk] });
        return;
      }
      response.writeHead(302, { location: '/elsewhere' });
      response.end();
    });
    expect(await keys.find('RS256', 'old')).toBe('identity_provider_unavailable');
    expect(keys.status().failure).toBe(`${server.url}/jwks: unexpected redirect`);
    expect(server.requests()).toBe(1);
  });
});

describe('a published key is used only for what it says it is for', () => {
  const symmetric = { kty: 'oct', k: 'c2VjcmV0', kid: 'k', alg: 'HS256' };
  const short = { ...old.publicJwk, kid: 'k', n: (old.publicJwk.n ?? '').slice(0, 170) };
  const { alg: _, use: __, ...unlabelled } = old.publicJwk;
  it.each([
    ['any use when it names none', { ...unlabelled, kid: 'k' }, 'k'],
    ['signatures by use', { ...unlabelled, kid: 'k', use: 'sig' }, 'k'],
    ['verification by key_ops', { ...unlabelled, kid: 'k', key_ops: ['verify'] }, 'k'],
    ['encryption by use', { ...unlabelled, kid: 'k', use: 'enc' }, 'token_key_unknown'],
    ['wrapping by key_ops', { ...unlabelled, kid: 'k', key_ops: ['wrapKey'] }, 'token_key_unknown'],
    ['another algorithm', { ...unlabelled, kid: 'k', alg: 'PS256' }, 'token_key_unknown'],
    ['symmetric', symmetric, 'token_key_unknown'],
    ['a key type that does not fit', { ...curve.publicJwk, kid: 'k', alg: undefined }, 'token_key_unknown'],
    ['an RSA key below 2048 bits', short, 'token_key_unknown'],
    ['broken key material', { ...unlabelled, kid: 'k', n: '?' }, 'token_key_unknown'],
    ['a kid that is no text', { ...unlabelled, kid: 7 }, 'token_key_unknown'],
    ['a private key, of which the public half is taken', { ...old.privateJwk, kid: 'k' }, 'k'],
  ])('%s', async (___, jwk, expected) => {
    server.misbehave((____, response) => sendJson(response, { keys: [fresh.publicJwk, jwk, null, 'text'] }));
    const keys = open();
    expect(await kidOf(keys.find('RS256', 'new'))).toBe('new');
    expect(await kidOf(keys.find('RS256', 'k'))).toBe(expected);
  });

  it('a token without kid is checked with the only key of its algorithm, and with none when there are two', async () => {
    server.publish([old.publicJwk, curve.publicJwk]);
    const keys = open();
    await keys.warm();
    expect(await kidOf(keys.find('RS256', undefined))).toBe('old');
    server.publish([old.publicJwk, fresh.publicJwk]);
    time.advance(600_000);
    await attemptNumber(2);
    expect(keys.find('RS256', undefined)).toBe('token_key_unknown');
  });
});

describe('OpenID discovery', () => {
  it('finds the keys of an issuer without jwks, at its address without the final slash', async () => {
    const asked: (string | undefined)[] = [];
    server.misbehave((request, response) => {
      asked.push(request.url);
      const document = { issuer: `${server.url}/realms/erp/`, jwks_uri: `${server.url}/keys` };
      sendJson(response, request.url === '/keys' ? { keys: [old.publicJwk] } : document);
    });
    const keys = open({ issuer: `${server.url}/realms/erp/` });
    expect(await kidOf(keys.find('RS256', 'old'))).toBe('old');
    expect(asked).toEqual(['/realms/erp/.well-known/openid-configuration', '/keys']);
  });

  it.each([
    ['another issuer', { issuer: 'http://other.example' }, 'the document is for another issuer'],
    ['an issuer that differs by a slash', { issuer: 'SELF/' }, 'the document is for another issuer'],
    ['no jwks_uri', { issuer: 'SELF' }, 'jwks_uri is missing'],
    ['a jwks_uri that is no web address', { issuer: 'SELF', jwks_uri: 'file:///k' }, 'jwks_uri is missing'],
    ['nothing', null, 'the document is for another issuer'],
  ])('believes no document that names %s', async (_, document, message) => {
    server.misbehave((__, response) => response.end(JSON.stringify(document).replace('SELF', server.url)));
    const keys = open({});
    expect(await keys.find('RS256', 'old')).toBe('identity_provider_unavailable');
    expect(keys.status().failure).toBe(`${server.url}/.well-known/openid-configuration: ${message}`);
  });

  it('does not follow an https issuer to keys over http', async () => {
    const issuer = issuerOf({ issuer: 'https://id.example' });
    source = openKeySource(issuer, {
      clock: time.clock,
      scheduler: time.scheduler,
      fetch: async () => Response.json({ issuer: 'https://id.example', jwks_uri: 'http://id.example/jwks' }),
    });
    expect(await source.find('RS256', 'old')).toBe('identity_provider_unavailable');
    expect(source.status().failure).toBe(
      'https://id.example/.well-known/openid-configuration: jwks_uri gives up https',
    );
  });
});
