import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  authorityExtensions,
  type IssuedCertificate,
  mintCertificate,
  pemOf,
  x509,
} from '../servers/certificates.ts';
import { startCluster } from '../servers/redis-cluster.ts';
import { clusterRights, refusedCommands, sentinelRights, serverRights } from '../servers/redis-rights.ts';
import { sentinelName, startSentinels } from '../servers/redis-sentinels.ts';
import { startRedis } from '../servers/redis.ts';
import { eventually } from '../support/eventually.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import {
  ask,
  runGateway,
  type RunningGateway,
  trustingGateway,
  verdictOf,
} from '../support/running-gateway.ts';
import { describeOnServers } from '../system/require-tool.ts';

/** Gateways on Redis as it stands in companies: users with few rights, TLS, Sentinels, Clusters. */

const burst = 10;
const secrets = { 'redis-password': 'pa55-of-bulkhead', 'sentinel-password': 'pa55-of-watchers' };

function gatewayFiles(odooUrl: string, redisYaml: string): Record<string, string> {
  return {
    ...secrets,
    'gateway.yaml': `${trustingGateway}bruteForce: { address: 2, firstPenalty: 1m }
store:
  redis: { ${redisYaml}, timeout: 2s }
  instances: 2
`,
    'identities.yaml':
      'issuers: [{ name: keycloak, issuer: "https://id.example", jwks: "https://id.example/jwks" }]\n',
    'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odooUrl}", seats: 100 }] }]\n`,
    'zones/office.yaml': `zone: office
match: Host(\`erp.example\`)
identify: none
pools: { interactive: odoo }
limits: [{ name: calls, key: zone, rate: 1/m, burst: ${burst}, onStoreFailure: closed }]
`,
    'zones/partner.yaml': `zone: partner
match: Host(\`partner.example\`)
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
pools: { interactive: odoo }
`,
  };
}

describeOnServers('two gateways', (binary) => {
  let odoo: HeldUpstream;
  let gateways: RunningGateway[];
  const cleanUps: (() => unknown)[] = [];

  beforeEach(async () => {
    odoo = await startHeldUpstream();
    odoo.hold(false);
    gateways = [];
  });
  afterEach(async () => {
    for (const gateway of gateways) await gateway.stop();
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
    await odoo.stop();
  });

  /** Has two gateways share limits and failed attempts over this Redis, and sees that neither tells a secret. */
  async function expectShared(redisYaml: string): Promise<void> {
    const written = gatewayFiles(odoo.url, redisYaml);
    gateways = [await runGateway(written), await runGateway(written)];
    await eventually(async () => {
      for (const { adminPort } of gateways)
        expect((await ask(adminPort, 'GET http://admin/readyz')).body).toContain('"limitStore":"redis"');
    });
    let turn = 0;
    const send = async (url: string, headers: Record<string, string> = {}) =>
      verdictOf(await ask(gateways[turn++ % 2]!.proxyPort, `GET ${url}`, { headers }));
    const seen: unknown[] = [];
    for (let i = 0; i < burst + 2; i++) seen.push((await send('http://erp.example/odoo'))[0]);
    expect(seen).toEqual([...Array.from({ length: burst }, () => 200), 429, 429]);
    const tried: unknown[] = [];
    const token = { Authorization: 'Bearer nonsense' };
    for (let i = 0; i < 5; i++) tried.push((await send('http://partner.example/odoo', token))[0]);
    expect(tried).toEqual([401, 401, 401, 429, 429]);
    for (const gateway of gateways.splice(0)) {
      await gateway.stop();
      expect(gateway.logged('no connection to the limit store')).toEqual([]);
      expect(gateway.logText()).not.toContain('pa55');
    }
  }

  function controlOf(url: string): Redis {
    const control = new Redis(url, { disableClientInfo: true });
    cleanUps.push(() => control.disconnect());
    return control;
  }

  const user = (...granted: readonly string[]) => [
    'bulkhead',
    'on',
    `>${secrets['redis-password']}`,
    ...granted,
  ];
  const login = 'username: bulkhead, password: "${file:redis-password}"';

  it('share one server with a user of few rights, none of which is idle', { timeout: 60_000 }, async () => {
    const server = await startRedis(binary);
    cleanUps.push(() => server.stop());
    const control = controlOf(server.url);
    await control.call('ACL', 'SETUSER', 'default', '-@all', '+acl', '+flushall');
    await control.call('ACL', 'SETUSER', ...user(...serverRights));
    await expectShared(`url: "${server.url}", ${login}`);
    expect(await refusedCommands([control])).toEqual([]);
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    // Those of the commands in scripts are compared with the scripts in `test/limits/rights.test.ts`.
    for (const right of ['+eval', '+evalsha', '+info', '+client|setname', '+get', '+set', '+time']) {
      expect(serverRights).toContain(right);
      await control.flushall();
      await control.call('ACL', 'SETUSER', 'bulkhead', 'reset');
      await control.call('ACL', 'SETUSER', ...user(...serverRights.filter((one) => one !== right)));
      await expectShared(`url: "${server.url}", ${login}`).catch(() => undefined);
      for (const gateway of gateways.splice(0)) await gateway.stop();
      expect(await refusedCommands([control])).toContain(right.slice(1));
      await control.acl('LOG', 'RESET');
    }
    warned.mockRestore();
  });

  it('share a primary behind Sentinels, both with passwords', { timeout: 60_000 }, async () => {
    const password = secrets['redis-password'];
    const estate = await startSentinels(binary, {
      replicas: 1,
      sentinels: 3,
      args: ['--requirepass', 'chief', '--masterauth', 'chief'],
      sentinelLines: [`requirepass chief`, `sentinel auth-pass ${sentinelName} chief`],
      control: { password: 'chief' },
      sentinelControl: { password: 'chief' },
    });
    cleanUps.push(() => estate.stop());
    for (const control of estate.controls)
      await control.call('ACL', 'SETUSER', 'bulkhead', 'on', `>${password}`, ...serverRights);
    for (const control of estate.sentinelControls)
      await control.call(
        'ACL',
        'SETUSER',
        'bulkhead-watch',
        'on',
        `>${secrets['sentinel-password']}`,
        ...sentinelRights,
      );
    const sentinels = `name: ${sentinelName}, nodes: ${JSON.stringify(estate.addresses)}, username: bulkhead-watch, password: "\${file:sentinel-password}"`;
    await expectShared(`sentinel: { ${sentinels} }, ${login}`);
    expect(await refusedCommands(estate.controls)).toEqual([]);
    // That the Sentinels are told the name of a library is no need.
    expect(
      (await refusedCommands(estate.sentinelControls)).filter((one) => one !== 'client|setinfo'),
    ).toEqual([]);
  });

  it('share a Cluster with a user of few rights', { timeout: 60_000 }, async () => {
    const cluster = await startCluster(binary, { primaries: 3, replicasOfEach: 1 });
    cleanUps.push(() => cluster.stop());
    const controls = cluster.nodes.map(({ control }) => control);
    for (const control of controls)
      await control.call('ACL', 'SETUSER', ...user(...serverRights, ...clusterRights));
    await expectShared(`cluster: { nodes: ${JSON.stringify(cluster.addresses)} }, ${login}`);
    expect(await refusedCommands(controls)).toEqual([]);
  });
});

describeOnServers('TLS with a private authority', (binary) => {
  let directory: string;
  let pem: Awaited<ReturnType<typeof mintEstate>>;
  let odoo: HeldUpstream;
  const gateways: RunningGateway[] = [];
  const cleanUps: (() => unknown)[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bulkhead-tls-'));
    pem = await mintEstate();
    for (const [name, text] of Object.entries(pem)) writeFileSync(join(directory, name), text);
    odoo = await startHeldUpstream();
    odoo.hold(false);
  });
  afterEach(async () => {
    for (const gateway of gateways.splice(0)) await gateway.stop();
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
    await odoo.stop();
    rmSync(directory, { recursive: true });
  });

  const ca = 'ca: "${file:ca.pem}"';
  const own = 'cert: "${file:client.pem}", key: "${file:client-key.pem}"';
  const name = 'serverName: redis.example';
  const files = () => ({
    ca: join(directory, 'ca.pem'),
    cert: join(directory, 'server.pem'),
    key: join(directory, 'server-key.pem'),
  });
  const control = () => ({
    tls: {
      ca: pem['ca.pem'],
      cert: pem['client.pem'],
      key: pem['client-key.pem'],
      servername: 'redis.example',
    },
  });

  async function startGateway(redisYaml: string): Promise<RunningGateway> {
    const gateway = await runGateway({ ...gatewayFiles(odoo.url, redisYaml), ...pem });
    gateways.push(gateway);
    return gateway;
  }

  async function expectLimits(redisYaml: string): Promise<void> {
    const { proxyPort } = await startGateway(redisYaml);
    const statuses: number[] = [];
    for (let i = 0; i <= burst; i++)
      statuses.push((await ask(proxyPort, 'GET http://erp.example/odoo')).status);
    expect(statuses).toEqual([...Array.from({ length: burst }, () => 200), 429]);
  }

  it(
    'is spoken with a client certificate, and only with servers that have the name',
    { timeout: 60_000 },
    async () => {
      const server = await startRedis(binary, { tls: files() });
      cleanUps.push(() => server.stop());
      const url = `url: "${server.url}"`;
      await expectLimits(`${url}, tls: { ${ca}, ${own}, ${name} }`);

      const causeOf = async (tls: string) => {
        const gateway = await startGateway(`${url}, tls: { ${tls} }`);
        expect(verdictOf(await ask(gateway.proxyPort, 'GET http://erp.example/odoo'))).toEqual([
          503,
          'limit_store_unavailable',
        ]);
        return String(gateway.logged('no connection to the limit store')[0]?.['cause']);
      };
      expect(await causeOf(`ca: "\${file:other-ca.pem}", ${own}, ${name}`)).toMatch(
        /unable to .* certificate|signature/,
      );
      expect(await causeOf(`${ca}, ${own}`)).toMatch(/does not match certificate's altnames/);
      expect(await causeOf(`${ca}, ${name}`)).toMatch(
        /certificate required|the connection is broken|ECONNRESET/,
      );
      expect(gateways.map((gateway) => gateway.logText()).join('')).not.toContain('PRIVATE KEY');
    },
  );

  it('is spoken with Sentinels and with whom they name', { timeout: 60_000 }, async () => {
    const estate = await startSentinels(binary, {
      replicas: 1,
      sentinels: 1,
      tls: files(),
      control: control(),
      sentinelControl: control(),
    });
    cleanUps.push(() => estate.stop());
    const sentinel = `sentinel: { name: ${sentinelName}, nodes: ${JSON.stringify(estate.addresses)} }`;
    await expectLimits(`${sentinel}, tls: { ${ca}, ${own}, ${name} }`);
  });

  it('is spoken with every node of a Cluster', { timeout: 60_000 }, async () => {
    const cluster = await startCluster(binary, { primaries: 3, tls: files(), control: control() });
    cleanUps.push(() => cluster.stop());
    const nodes = `cluster: { nodes: ${JSON.stringify(cluster.addresses.slice(0, 1))} }`;
    await expectLimits(`${nodes}, tls: { ${ca}, ${own}, ${name} }`);
  });
});

/** An authority, a certificate for servers called redis.example, one for clients, and another authority. */
async function mintEstate() {
  const authority = await mintCertificate({ subject: 'CN=Redis CA', extensions: authorityExtensions() });
  const other = await mintCertificate({ subject: 'CN=Redis CA', extensions: authorityExtensions() });
  const server = await mintCertificate({
    subject: 'CN=redis',
    by: authority,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'redis.example' }])],
  });
  const client = await mintCertificate({ subject: 'CN=bulkhead', by: authority });
  return {
    'ca.pem': pemOf(authority),
    'server.pem': pemOf(server),
    'server-key.pem': await keyPemOf(server),
    'client.pem': pemOf(client),
    'client-key.pem': await keyPemOf(client),
    'other-ca.pem': pemOf(other),
  };
}

async function keyPemOf({ keys }: IssuedCertificate): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return `-----BEGIN PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END PRIVATE KEY-----\n`;
}
