import { webcrypto } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type IssuedCertificate, mintCertificate, pemOf } from '../../test/servers/certificates.ts';
import { redisSchema } from './redis-options.ts';
import { checkRedis, redisPlaceOf, redisSecretOf } from './redis-place.ts';

const sentinel = { name: 'limits', nodes: ['sentinel-1:26379'] };
const cluster = { nodes: ['redis-1:6379', 'redis-2:6379'] };
const url = 'redis://redis:6379';

const issuesOf = (value: unknown) => checkRedis(redisSchema.parse(value));

let own: IssuedCertificate;
let keyText: string;
let strangerKey: string;

beforeAll(async () => {
  own = await mintCertificate({ subject: 'CN=gateway' });
  keyText = await keyPemOf(own);
  strangerKey = await keyPemOf(await mintCertificate({ subject: 'CN=stranger' }));
});

async function keyPemOf({ keys }: IssuedCertificate): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return `-----BEGIN PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END PRIVATE KEY-----\n`;
}

describe('store.redis', () => {
  it.each([
    { url },
    { url: 'redis://user:secret@redis:6379/1' },
    { url, username: 'bulkhead', password: 'secret' },
    { url, password: 'secret' },
    { url: 'rediss://redis:6380', tls: {} },
    {
      sentinel: { ...sentinel, username: 'watcher', password: 'secret' },
      tls: { serverName: 'redis.example' },
    },
    { cluster, password: 'secret' },
  ])('finds nothing wrong with %j', (value) => {
    expect(issuesOf(value)).toEqual([]);
  });

  it('needs exactly one way to find Redis', () => {
    expect(issuesOf({})).toEqual([
      {
        path: [],
        what: 'No Redis is named.',
        consequence: 'There would be no store to count limits in.',
        fix: 'Add one of url, sentinel and cluster.',
      },
    ]);
    const beside = (way: string) => ({
      path: [way],
      what: `"${way}" stands beside "url".`,
      consequence: 'It would be unclear which of them names the Redis that counts.',
      fix: 'Keep one of url, sentinel and cluster.',
    });
    expect(issuesOf({ url, sentinel, cluster })).toEqual([beside('sentinel'), beside('cluster')]);
    expect(issuesOf({ sentinel, cluster })).toEqual([
      { ...beside('cluster'), what: '"cluster" stands beside "sentinel".' },
    ]);
  });

  it('refuses a user without a password, at the servers and at the Sentinels', () => {
    const alone = (path: string[]) => ({
      path,
      what: 'The user has no password.',
      consequence: 'No server would let the gateway in.',
      fix: 'Add password beside it.',
    });
    expect(issuesOf({ sentinel: { ...sentinel, username: 'watcher' }, username: 'bulkhead' })).toEqual([
      alone(['username']),
      alone(['sentinel', 'username']),
    ]);
  });

  it.each([
    [{ username: 'bulkhead', password: 'secret' }, 'password'],
    [{ password: 'secret' }, 'password'],
  ])('refuses two logins: %j', (login, key) => {
    expect(issuesOf({ url: 'redis://:other@redis', ...login })).toEqual([
      {
        path: [key],
        what: 'The Redis address holds a login already.',
        consequence: 'It would be unclear with which of the two the gateway logs in.',
        fix: 'Keep one: user and password in url, or username and password.',
      },
    ]);
  });

  it('refuses TLS for an address that says there is none', () => {
    expect(issuesOf({ url, tls: {} })).toEqual([
      {
        path: ['tls'],
        what: 'The Redis address begins with redis://, which means without TLS.',
        consequence: 'It would be unclear whether the connection is encrypted.',
        fix: 'Write rediss:// in url, or remove "tls".',
      },
    ]);
  });

  it('takes certificates with their key', () => {
    expect(issuesOf({ cluster, tls: { ca: pemOf(own, own), cert: pemOf(own), key: keyText } })).toEqual([]);
  });

  it.each(['no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])(
    'refuses certificates that are none, without repeating them: %j',
    (text) => {
      expect(issuesOf({ cluster, tls: { ca: text, cert: text, key: text } })).toEqual([
        {
          path: ['tls', 'ca'],
          what: 'What stands in ca is not one or more PEM certificates.',
          consequence: 'No server could be trusted.',
          fix: 'Write the PEM text of the CA certificates, normally as ${file:…}.',
        },
        {
          path: ['tls', 'cert'],
          what: 'What stands in cert is not one or more PEM certificates.',
          consequence: 'The gateway could not show who it is.',
          fix: 'Write the PEM text of the certificate, its chain behind it, normally as ${file:…}.',
        },
        {
          path: ['tls', 'key'],
          what: 'What stands in key is not a private key in PEM without a passphrase.',
          consequence: 'The gateway could not show who it is.',
          fix: 'Write the PEM text of the private key, normally as ${file:…}.',
        },
      ]);
    },
  );

  it('refuses a list of certificates in which something else stands', () => {
    expect(issuesOf({ cluster, tls: { ca: `${pemOf(own)}\n${keyText}` } })).toMatchObject([
      { path: ['tls', 'ca'] },
    ]);
  });

  it('refuses a certificate without its key, and a key without its certificate', () => {
    const lonely = (one: string, other: string) => ({
      path: ['tls', one],
      what: `There is a ${one} and no ${other}.`,
      consequence: 'The gateway could not show who it is.',
      fix: `Add ${other} beside it, or remove ${one}.`,
    });
    expect(issuesOf({ cluster, tls: { cert: pemOf(own) } })).toEqual([lonely('cert', 'key')]);
    expect(issuesOf({ cluster, tls: { key: keyText } })).toEqual([lonely('key', 'cert')]);
  });

  it('refuses the key of another certificate', () => {
    expect(issuesOf({ cluster, tls: { cert: pemOf(own), key: strangerKey } })).toEqual([
      {
        path: ['tls', 'key'],
        what: 'The private key is not that of the certificate.',
        consequence: 'No connection could be made.',
        fix: 'Write the key that belongs to the first certificate in cert.',
      },
    ]);
  });
});

describe('the place that it names', () => {
  const login = { username: 'bulkhead', password: 'secret' };
  const tls = { ca: 'CA', cert: 'CERT', key: 'KEY', serverName: 'redis.example' };
  const access = {
    ...login,
    tls: { ca: 'CA', cert: 'CERT', key: 'KEY', servername: 'redis.example' },
  };
  const placeOf = (value: unknown) => redisPlaceOf(redisSchema.parse(value));

  it('is one server, with what stands beside its address', () => {
    expect(placeOf({ url })).toEqual({ kind: 'standalone', url, access: {} });
    expect(placeOf({ url: 'rediss://redis', ...login, tls })).toEqual({
      kind: 'standalone',
      url: 'rediss://redis',
      access,
    });
  });

  it('is a primary behind Sentinels, which have a login of their own', () => {
    const watcher = { username: 'watcher', password: 'seen' };
    expect(placeOf({ sentinel: { ...sentinel, ...watcher }, ...login, tls })).toEqual({
      kind: 'sentinel',
      sentinels: [{ host: 'sentinel-1', port: 26_379 }],
      name: 'limits',
      access,
      sentinelUsername: 'watcher',
      sentinelPassword: 'seen',
    });
  });

  it('is a Cluster', () => {
    expect(placeOf({ cluster, tls: {} })).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'redis-1', port: 6379 },
        { host: 'redis-2', port: 6379 },
      ],
      access: { tls: {} },
    });
  });
});

describe('what instances with the same Redis have in common', () => {
  const secretOf = (value: unknown) => redisSecretOf(redisSchema.parse(value));

  it('is the address, and differs with it', () => {
    expect(secretOf({ url, timeout: '1s' })).toBe(url);
    expect(secretOf({ url, password: 'secret' })).not.toBe(secretOf({ url, password: 'other' }));
  });

  it('does not depend on the order of the nodes', () => {
    const turned = { nodes: cluster.nodes.toReversed() };
    expect(secretOf({ cluster })).toBe(secretOf({ cluster: turned }));
    expect(secretOf({ cluster })).not.toBe(secretOf({ sentinel: { name: 'limits', nodes: cluster.nodes } }));
    expect(secretOf({ cluster })).not.toBe(secretOf({ cluster, password: 'secret' }));
  });
});
