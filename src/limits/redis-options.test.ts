import { describe, expect, it } from 'vitest';
import { redisSchema } from './redis-options.ts';

/** Messages of what does not read, with their paths. */
function problemsOf(value: unknown): string[] {
  const read = redisSchema.safeParse(value);
  if (read.success) return [];
  return read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

describe('store.redis', () => {
  it('takes Sentinels with a login of their own, a user, and TLS', () => {
    expect(
      redisSchema.parse({
        sentinel: {
          name: 'limits',
          nodes: ['sentinel-1:26379', '10.0.0.7:26379', '[2001:db8::7]:26379'],
          username: 'watcher',
          password: 'seen',
        },
        username: 'bulkhead',
        password: 'open sesame',
        tls: { ca: 'CA', cert: 'CERT', key: 'KEY', serverName: 'redis.example' },
      }),
    ).toEqual({
      sentinel: {
        name: 'limits',
        nodes: [
          { host: 'sentinel-1', port: 26_379 },
          { host: '10.0.0.7', port: 26_379 },
          { host: '2001:db8::7', port: 26_379 },
        ],
        username: 'watcher',
        password: 'seen',
      },
      username: 'bulkhead',
      password: 'open sesame',
      tls: { ca: 'CA', cert: 'CERT', key: 'KEY', serverName: 'redis.example' },
      timeout: 25,
      connectTimeout: 1000,
    });
  });

  it('takes the nodes of a Cluster, and TLS with nothing more to say', () => {
    expect(redisSchema.parse({ cluster: { nodes: ['redis-1:6379'] }, tls: {} })).toEqual({
      cluster: { nodes: [{ host: 'redis-1', port: 6379 }] },
      tls: {},
      timeout: 25,
      connectTimeout: 1000,
    });
  });

  const node = (text: string) =>
    `"${text}" is not host and port.\nThe gateway could not reach its store.\nWrite host and port, such as redis-1:6379, 10.0.0.7:6379 or [2001:db8::7]:6379.`;
  it.each([
    'redis-1',
    'redis-1:',
    ':6379',
    'redis://redis-1:6379',
    'redis-1:0',
    'redis-1:65536',
    '2001:db8::7:6379',
    6379,
  ])('refuses the node %j', (text) => {
    expect(problemsOf({ cluster: { nodes: [text] } })).toEqual([`cluster.nodes.0: ${node(String(text))}`]);
    expect(problemsOf({ sentinel: { name: 'limits', nodes: ['a:1', text] } })).toEqual([
      `sentinel.nodes.1: ${node(String(text))}`,
    ]);
  });

  it.each([
    [
      { cluster: { nodes: [] } },
      'cluster.nodes: No node is named.\nThe gateway could not reach its store.\nWrite at least one as host:port; the others are found from there.',
    ],
    [
      { sentinel: { name: '', nodes: ['a:1'] } },
      'sentinel.name: "" is not a name.\nThe gateway would not know what to apply.\nWrite the name that "sentinel monitor" has for the primary.',
    ],
    [
      { url: 'redis://redis', username: '' },
      'username: "" is not a user name.\nThe gateway would not know what to apply.\nWrite the name of a user that Redis knows, such as bulkhead.',
    ],
    [
      { url: 'redis://redis', password: 20_261_122 },
      'password: The password is not a text.\nNo server would let the gateway in.\nWrite ${file:/run/secrets/redis-password}.',
    ],
    [
      { sentinel: { name: 'limits', nodes: ['a:1'], password: '' } },
      'sentinel.password: The password is not a text.\nNo server would let the gateway in.\nWrite ${file:/run/secrets/redis-password}.',
    ],
    [
      { url: 'rediss://redis', tls: { ca: '' } },
      'tls.ca: "" is not PEM text.\nThe gateway would not know what to apply.\nWrite ${file:/run/secrets/redis-ca.pem}.',
    ],
    [
      { url: 'rediss://redis', tls: { cert: true } },
      'tls.cert: "true" is not PEM text.\nThe gateway would not know what to apply.\nWrite ${file:/run/secrets/redis-client.pem}.',
    ],
    [
      { url: 'rediss://redis', tls: { key: '' } },
      'tls.key: "" is not PEM text.\nThe gateway would not know what to apply.\nWrite ${file:/run/secrets/redis-client-key.pem}.',
    ],
    [
      { url: 'rediss://redis', tls: { serverName: '' } },
      'tls.serverName: "" is not a host name.\nThe gateway would not know what to apply.\nWrite a name that stands in the certificate.',
    ],
  ])('refuses %j', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem]);
  });

  it.each([
    [
      { url: 'redis://redis', tls: { rejectUnauthorized: false } },
      'tls: Unrecognized key: "rejectUnauthorized"',
    ],
    [{ cluster: { nodes: ['a:1'], name: 'limits' } }, 'cluster: Unrecognized key: "name"'],
    [{ url: 'redis://redis', replicas: 2 }, ': Unrecognized key: "replicas"'],
  ])('refuses keys that it does not know: %j', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem]);
  });
});
