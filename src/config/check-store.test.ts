import { afterEach, expect, it } from 'vitest';
import { writeFiles } from '../../test/support/write-files.ts';
import { loadConfiguration } from './load.ts';
import { renderProblems } from './problems.ts';

let remove = (): void => undefined;
afterEach(() => remove());

function problemsOf(redis: string): string {
  const written = writeFiles({
    password: 'open-sesame',
    pem: '-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5IGJ1dCBhIHRlc3Q=\n-----END PRIVATE KEY-----',
    'gateway.yaml': `listeners: { admin: 127.0.0.1:0 }\nstore:\n  redis:\n${redis.replace(/^/gm, '    ')}\n`,
    'pools.yaml': 'pools: [{ name: odoo, endpoints: [{ url: http://odoo:8069, seats: 4 }] }]\n',
    'zones/office.yaml':
      'zone: office\nmatch: Host(`erp.example`)\nidentify: none\npools: { interactive: odoo }\n',
  });
  ({ remove } = written);
  const nowMs = Date.UTC(2026, 10, 22);
  return renderProblems(loadConfiguration(written.directory, { env: {}, nowMs }).problems);
}

it('what does not go together in store.redis is told where it stands, and no secret with it', () => {
  expect(
    problemsOf(`url: "redis://:\${file:password}@redis:6379"
cluster: { nodes: [redis-1:6379] }
password: \${file:password}
tls:
  ca: \${file:pem}
  key: \${file:pem}`),
  ).toBe(
    [
      'gateway.yaml:5:14  store.redis.cluster: "cluster" stands beside "url". It would be unclear which of them names the Redis that counts. Keep one of url, sentinel and cluster.',
      'gateway.yaml:6:15  store.redis.password: The Redis address holds a login already. It would be unclear with which of the two the gateway logs in. Keep one: user and password in url, or username and password.',
      'gateway.yaml:8:7  store.redis.tls: The Redis address begins with redis://, which means without TLS. It would be unclear whether the connection is encrypted. Write rediss:// in url, or remove "tls".',
      'gateway.yaml:8:11  store.redis.tls.ca: What stands in ca is not one or more PEM certificates. No server could be trusted. Write the PEM text of the CA certificates, normally as ${file:…}.',
      'gateway.yaml:9:12  store.redis.tls.key: There is a key and no cert. The gateway could not show who it is. Add cert beside it, or remove key.',
      'gateway.yaml:9:12  store.redis.tls.key: What stands in key is not a private key in PEM without a passphrase. The gateway could not show who it is. Write the PEM text of the private key, normally as ${file:…}.',
      '6 problems in 1 file',
    ].join('\n'),
  );
});

it('a mapping without any address is a problem', () => {
  expect(problemsOf('timeout: 25ms')).toBe(
    'gateway.yaml:4:5  store.redis: No Redis is named. There would be no store to count limits in. Add one of url, sentinel and cluster.\n1 problem in 1 file',
  );
});

it('what store.redis says well is no problem', () => {
  expect(problemsOf('cluster: { nodes: [redis-1:6379] }\npassword: ${file:password}\ntls: {}')).toBe(
    '0 problems in 0 files',
  );
});
