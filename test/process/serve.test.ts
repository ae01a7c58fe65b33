import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startOdooPrefork, type OdooPrefork } from '../../src/demo/odoo-prefork.ts';
import { BulkheadProcess, runBulkhead } from '../support/gateway-process.ts';
import { sendRequest } from '../support/raw-http.ts';
import { writeFiles } from '../support/test-gateway.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const zone = (path: string): string => `zone: office
match: Host(\`erp.example\`) && PathPrefix(\`${path}\`)
identify: none
pools: { interactive: odoo }
`;

interface Running {
  gateway: BulkheadProcess;
  directory: string;
  odoo: OdooPrefork;
  proxyPort: number;
  adminPort: number;
}

/** A gateway process with one zone in front of one stand-in. */
async function serve(): Promise<Running> {
  const odoo = await startOdooPrefork({ port: 0, workers: 2, name: 'odoo', delaysMs: { '/odoo/slow': 700 } });
  cleanUps.push(() => odoo.close());
  const { directory, remove } = writeFiles({
    'gateway.yaml': 'listeners: { proxy: 127.0.0.1:0, admin: 127.0.0.1:0 }\ndrain: { timeout: 10s }\n',
    'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odoo.url}", seats: 2 }] }]\n`,
    'zones/office.yaml': zone('/odoo'),
  });
  cleanUps.push(remove);
  const gateway = new BulkheadProcess(['serve', '--config', directory]);
  cleanUps.push(() => gateway.kill());
  const [, proxy, admin] = await gateway.printed(
    /"name":"proxy","host":"127.0.0.1","port":(\d+)\}.*"name":"admin","host":"127.0.0.1","port":(\d+)\}/,
  );
  return { gateway, directory, odoo, proxyPort: Number(proxy), adminPort: Number(admin) };
}

async function statusOf(port: number, target: string): Promise<number> {
  return (await sendRequest(port, { target, headers: { Host: 'erp.example' } })).status;
}

async function metric(adminPort: number, line: string): Promise<boolean> {
  return (await sendRequest(adminPort, { target: '/metrics', headers: { Host: 'admin' } })).body.includes(
    `${line}\n`,
  );
}

describe('bulkhead serve', () => {
  it('prints every problem of a broken configuration, opens nothing and answers 1', async () => {
    const { directory, remove } = writeFiles({
      'gateway.yaml': 'listeners: {}\n',
      'zones/a.yaml': 'zone: a\n',
    });
    cleanUps.push(remove);
    const { code, out, err } = await runBulkhead(['serve', '--config', directory]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^gateway\.yaml:1:12 {2}listeners\.admin: "admin" is missing\./);
    expect(err).toMatch(/\n5 problems in 3 files\n$/);
  });

  it('says plainly that a port is taken', async () => {
    const { proxyPort, directory } = await serve();
    const taken = writeFiles({
      'gateway.yaml': `listeners: { proxy: 127.0.0.1:${proxyPort}, admin: 127.0.0.1:0 }\n`,
      'pools.yaml': readFileSync(join(directory, 'pools.yaml'), 'utf8'),
      'zones/office.yaml': zone('/odoo'),
    });
    cleanUps.push(taken.remove);
    const { code, err } = await runBulkhead(['serve', '--config', taken.directory]);
    expect(code).toBe(1);
    expect(err).toBe(
      `bulkhead: cannot start: listen EADDRINUSE: address already in use 127.0.0.1:${proxyPort}\n`,
    );
  });

  it('answers a request in progress before it ends at SIGTERM, and takes no new ones', async () => {
    const { gateway, odoo, proxyPort } = await serve();
    const inFlight = sendRequest(proxyPort, { target: '/odoo/slow', headers: { Host: 'erp.example' } });
    await vi.waitFor(() => expect(odoo.busy).toBe(1));
    gateway.signal('SIGTERM');
    await gateway.printed(/"msg":"draining"/);
    const late = await sendRequest(proxyPort, { target: '/odoo', headers: { Host: 'erp.example' } });
    expect(late).toMatchObject({ status: 0, text: '' });
    expect((await inFlight).status).toBe(200);
    expect(await gateway.ended).toBe(0);
    expect(gateway.out).toMatch(/"path":"\/odoo\/slow",[^\n]*"status":200[^]*"msg":"stopped"\}\n$/);
  });

  it('puts a changed file in force by itself', async () => {
    const { gateway, directory, proxyPort, adminPort } = await serve();
    expect(await statusOf(proxyPort, '/web')).toBe(404);
    writeFileSync(join(directory, 'zones/office.yaml'), zone('/web'));
    await gateway.printed(/"msg":"the new configuration is in force"/);
    expect(await statusOf(proxyPort, '/web')).toBe(200);
    expect(await statusOf(proxyPort, '/odoo')).toBe(404);
    expect(await metric(adminPort, 'bulkhead_config_reloads_total{result="applied"} 1')).toBe(true);
  });

  it('puts it in force at SIGHUP, also when the file was replaced by another', async () => {
    const { gateway, directory, proxyPort } = await serve();
    writeFileSync(join(directory, 'zones/.new'), zone('/web'));
    renameSync(join(directory, 'zones/.new'), join(directory, 'zones/office.yaml'));
    gateway.signal('SIGHUP');
    await gateway.printed(/"msg":"the new configuration is in force"/);
    expect(await statusOf(proxyPort, '/web')).toBe(200);
  });

  it('keeps the last good configuration when the new one is broken, and says so everywhere', async () => {
    const { gateway, directory, proxyPort, adminPort } = await serve();
    writeFileSync(join(directory, 'zones/office.yaml'), zone('/web').replace('pools', 'pool'));
    gateway.signal('SIGHUP');
    const [line] = await gateway.printed(/\{[^\n]*"msg":"the new configuration is refused[^\n]*/);
    expect((JSON.parse(line) as { problems: string[] }).problems).toEqual([
      'zones/office.yaml:4:1  pool: "pool" is not a known key. It would be ignored, so what it is meant to set would not apply. Write "pools".',
      '1 problem in 1 file',
    ]);
    expect(await statusOf(proxyPort, '/odoo')).toBe(200);
    expect(await statusOf(proxyPort, '/web')).toBe(404);
    const ready = await sendRequest(adminPort, { target: '/readyz', headers: { Host: 'admin' } });
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body)).toMatchObject({
      ready: true,
      configuration: 'the files on disk are refused; the last good configuration is in force',
    });
    expect(await metric(adminPort, 'bulkhead_config_reloads_total{result="refused"} 1')).toBe(true);
    expect(await metric(adminPort, 'bulkhead_config_fresh 0')).toBe(true);
    writeFileSync(join(directory, 'zones/office.yaml'), zone('/web'));
    gateway.signal('SIGHUP');
    await gateway.printed(/"msg":"the new configuration is in force"/);
    expect(await metric(adminPort, 'bulkhead_config_fresh 1')).toBe(true);
  });
});
