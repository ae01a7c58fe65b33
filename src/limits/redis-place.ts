import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { ConfigPath, Issue } from '../core/issue.ts';
import type { RedisAccess, RedisPlace } from './redis-connection.ts';
import type { RedisOptions } from './redis-options.ts';

const ways = ['url', 'sentinel', 'cluster'] as const;

/** What in `store.redis` does not go together; issue paths begin below it. No message quotes a text that may be a secret. */
export function checkRedis(options: RedisOptions): Issue[] {
  const issues: Issue[] = [];
  const written = ways.filter((way) => options[way] !== undefined);
  if (written.length === 0) {
    issues.push({
      path: [],
      what: 'No Redis is named.',
      consequence: 'There would be no store to count limits in.',
      fix: 'Add one of url, sentinel and cluster.',
    });
  }
  for (const way of written.slice(1)) {
    issues.push({
      path: [way],
      what: `"${way}" stands beside "${written[0]}".`,
      consequence: 'It would be unclear which of them names the Redis that counts.',
      fix: 'Keep one of url, sentinel and cluster.',
    });
  }
  issues.push(...checkLogin(options, []));
  if (options.sentinel !== undefined) issues.push(...checkLogin(options.sentinel, ['sentinel']));
  issues.push(...checkUrl(options), ...checkTls(options.tls ?? {}));
  return issues;
}

function checkLogin({ username, password }: Partial<RedisOptions>, at: ConfigPath): Issue[] {
  if (username === undefined || password !== undefined) return [];
  return [
    {
      path: [...at, 'username'],
      what: 'The user has no password.',
      consequence: 'No server would let the gateway in.',
      fix: 'Add password beside it.',
    },
  ];
}

function checkUrl({ url, username, password, tls }: RedisOptions): Issue[] {
  if (url === undefined) return [];
  const issues: Issue[] = [];
  if (url.includes('@') && (username !== undefined || password !== undefined)) {
    issues.push({
      path: [password === undefined ? 'username' : 'password'],
      what: 'The Redis address holds a login already.',
      consequence: 'It would be unclear with which of the two the gateway logs in.',
      fix: 'Keep one: user and password in url, or username and password.',
    });
  }
  if (tls !== undefined && !url.startsWith('rediss:')) {
    issues.push({
      path: ['tls'],
      what: 'The Redis address begins with redis://, which means without TLS.',
      consequence: 'It would be unclear whether the connection is encrypted.',
      fix: 'Write rediss:// in url, or remove "tls".',
    });
  }
  return issues;
}

function checkTls({ ca, cert, key }: NonNullable<RedisOptions['tls']>): Issue[] {
  const issues: Issue[] = [];
  if (ca !== undefined && readCertificates(ca) === undefined) {
    issues.push({
      path: ['tls', 'ca'],
      what: 'What stands in ca is not one or more PEM certificates.',
      consequence: 'No server could be trusted.',
      fix: 'Write the PEM text of the CA certificates, normally as ${file:…}.',
    });
  }
  const chain = cert === undefined ? undefined : readCertificates(cert);
  if (cert !== undefined && chain === undefined) {
    issues.push({
      path: ['tls', 'cert'],
      what: 'What stands in cert is not one or more PEM certificates.',
      consequence: 'The gateway could not show who it is.',
      fix: 'Write the PEM text of the certificate, its chain behind it, normally as ${file:…}.',
    });
  }
  const privateKey = key === undefined ? undefined : readKey(key);
  if (key !== undefined && privateKey === undefined) {
    issues.push({
      path: ['tls', 'key'],
      what: 'What stands in key is not a private key in PEM without a passphrase.',
      consequence: 'The gateway could not show who it is.',
      fix: 'Write the PEM text of the private key, normally as ${file:…}.',
    });
  }
  for (const [one, other] of [
    ['cert', 'key'],
    ['key', 'cert'],
  ] as const) {
    if ({ cert, key }[one] === undefined || { cert, key }[other] !== undefined) continue;
    issues.push({
      path: ['tls', one],
      what: `There is a ${one} and no ${other}.`,
      consequence: 'The gateway could not show who it is.',
      fix: `Add ${other} beside it, or remove ${one}.`,
    });
  }
  if (chain?.[0] !== undefined && privateKey !== undefined && !chain[0].checkPrivateKey(privateKey)) {
    issues.push({
      path: ['tls', 'key'],
      what: 'The private key is not that of the certificate.',
      consequence: 'No connection could be made.',
      fix: 'Write the key that belongs to the first certificate in cert.',
    });
  }
  return issues;
}

function readCertificates(text: string): X509Certificate[] | undefined {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 || blocks.length !== text.split('-----BEGIN ').length - 1) return undefined;
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

function readKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

/** How to reach what `checkRedis` finds nothing wrong with. */
export function redisPlaceOf(options: RedisOptions): RedisPlace {
  const { url, sentinel, cluster, username, password, tls } = options;
  const access: RedisAccess = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls: tlsOf(tls) }),
  };
  if (url !== undefined) return { kind: 'standalone', url, access };
  if (sentinel !== undefined) {
    const { name, nodes, username: sentinelUsername, password: sentinelPassword } = sentinel;
    return { kind: 'sentinel', sentinels: nodes, name, access, sentinelUsername, sentinelPassword };
  }
  return { kind: 'cluster', nodes: cluster?.nodes ?? [], access };
}

function tlsOf({ ca, cert, key, serverName }: NonNullable<RedisOptions['tls']>): RedisAccess['tls'] {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}

/** A text that is the same for all who are configured for the same Redis, and known to nobody else. */
export function redisSecretOf({ url, sentinel, cluster, username, password }: RedisOptions): string {
  if (url !== undefined && password === undefined) return url;
  const nodes = (sentinel?.nodes ?? cluster?.nodes ?? []).map(({ host, port }) => `${host}:${port}`);
  return JSON.stringify([url, sentinel?.name, nodes.toSorted(), username, password]);
}
