import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runBulkhead } from '../support/gateway-process.ts';
import { type RunningGateway, ask as askProxy, runGateway } from '../support/running-gateway.ts';
import { writeFiles } from '../support/write-files.ts';
import { firstPid, openWorkerScene, statusOf, type WorkerScene } from '../support/worker-scene.ts';
import { describeWithTool } from '../system/require-tool.ts';

const token = 'a-token-of-thirty-two-characters';

const limits = `limits:
  - { name: calls, key: zone, rate: 1/m, burst: 3 }
  - { name: tighter, key: client, rate: 2/s, burst: 5, shadow: true, onStoreFailure: open }
`;

const zone = (match: string): string => `zone: office
match: ${match}
identify: none
pools: { interactive: odoo }
${limits}`;

describe('bulkhead limits', () => {
  let gateway: RunningGateway;
  let url: string;

  beforeEach(async () => {
    gateway = await runGateway({
      'gateway.yaml': `listeners: { proxy: 127.0.0.1:0, admin: 127.0.0.1:0 }\nadmin: { token: ${token} }\n`,
      'pools.yaml': 'pools: [{ name: odoo, endpoints: [{ url: "http://127.0.0.1:9", seats: 4 }] }]\n',
      'zones/office.yaml': zone('Host(`erp.example`)'),
    });
    url = `http://127.0.0.1:${gateway.adminPort}`;
  });
  afterEach(() => gateway.stop());

  const run = (...args: string[]) =>
    runBulkhead(['limits', ...args, '--url', url], { BULKHEAD_ADMIN_TOKEN: '' });
  /** Spends a token each; nothing listens behind the gateway, and what is refused is refused before. */
  const send = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await askProxy(gateway.proxyPort, 'GET http://erp.example/odoo');
  };

  it('prints the limits of a running gateway as a table', async () => {
    await send(1);
    expect(await run()).toEqual({
      code: 0,
      err: '',
      out: `Budgets are kept in memory.

LIMIT           KIND  KEY     FIGURES  BURST  MODE      STORE FAILS  KEYS HERE  WHERE
office/calls    rate  zone    1/m      3      enforced  share        1          zones/office.yaml:6:5
office/tighter  rate  client  2/s      5      shadow    open         1          zones/office.yaml:7:5
`,
    });
  });

  it('show prints one budget', async () => {
    await send(4);
    const { code, out } = await run('show', 'office/calls', 'office');
    expect(out).toMatch(
      new RegExp(
        [
          '^office/calls of office',
          '  figures   1/m, burst 3',
          '  at        zones/office.yaml:6:5',
          '  kept by   the memory of this process',
          '  free      0 of 3 tokens',
          '  leased    0 by all instances, of which 0 can be spent here',
          '  next      in (1 min|5\\d(\\.\\d)? s)',
          '  full      in (3|2\\.9) min',
          '  refused   1 times, last at \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z, request [0-9a-f]{32}',
          '$',
        ].join('\n'),
      ),
    );
    expect(code).toBe(0);
    const { out: untouched } = await run('show', 'office/tighter', '192.0.2.1');
    expect(untouched).toBe(`office/tighter of 192.0.2.1 (shadow)
  figures   2/s, burst 5
  at        zones/office.yaml:7:5
  kept by   the memory of this process
  free      5 of 5 tokens
  leased    0 by all instances, of which 0 can be spent here
  next      admitted now
  full      now
  would be  not lately
`);
  });

  it('refused prints who was refused last', async () => {
    expect((await run('refused')).out).toBe('Nobody was refused.\n');
    await send(5);
    const { out } = await run('refused', '--count', '1');
    expect(out).toMatch(
      /^LAST {22}LIMIT {9}KEY {5}SHADOW {3}TIMES {2}REQUEST\n\d{4}-\S+Z {2}office\/calls {2}office {2}refused {2}2 {6}[0-9a-f]{32}\n$/,
    );
  });

  it('reset and grant need the token, from a file', async () => {
    await send(4);
    const { directory, remove } = writeFiles({ 'token.txt': `${token}\n` });
    const file = join(directory, 'token.txt');
    expect(await run('reset', 'office/calls', 'office')).toEqual({
      code: 1,
      out: '',
      err: 'bulkhead: A token is needed. Give the value of admin.token with --token-file or BULKHEAD_ADMIN_TOKEN.\n',
    });
    expect(await run('grant', 'office/calls', 'office', '2', '--token-file', file)).toEqual({
      code: 0,
      err: '',
      out: 'office/calls of office has a grant: 0 tokens were free, now 2 are.\n',
    });
    expect((await run('reset', 'office/calls', 'office', '--token-file', file)).out).toBe(
      'office/calls of office is reset: 2 tokens were free, now 3 are.\n',
    );
    writeFileSync(file, 'another-token-that-is-not-right');
    expect(await run('reset', 'office/calls', 'office', '--token-file', file)).toEqual({
      code: 1,
      out: '',
      err: 'bulkhead: The token is wrong. Give the value of admin.token with --token-file or BULKHEAD_ADMIN_TOKEN.\n',
    });
    remove();
  });

  it('finds the gateway and the token in the configuration', async () => {
    const { directory, remove } = writeFiles({
      'gateway.yaml': `listeners: { proxy: 127.0.0.1:0, admin: "0.0.0.0:${gateway.adminPort}" }\nadmin: { token: ${token} }\n`,
      'pools.yaml': 'pools: [{ name: odoo, endpoints: [{ url: "http://127.0.0.1:9", seats: 4 }] }]\n',
      'zones/office.yaml': zone('Host(`erp.example`)'),
    });
    await send(3);
    const { code, out } = await runBulkhead([
      'limits',
      'reset',
      'office/calls',
      'office',
      '--config',
      directory,
      '--json',
    ]);
    remove();
    expect([code, JSON.parse(out)]).toEqual([
      0,
      {
        limit: 'office/calls',
        key: 'office',
        action: 'reset',
        before: { figures: '1/m', burst: 3, free: 0, leased: 0 },
        after: { figures: '1/m', burst: 3, free: 3, leased: 0 },
        otherInstancesWithinMs: 0,
      },
    ]);
  });

  it.each<[string[], string]>([
    [['show', 'office/call', 'office'], 'There is no limit office/call. Did you mean office/calls?'],
    [
      ['show', 'office/calls', 'shop'],
      'Nobody can have this key. Limit office/calls has one budget for the whole zone. Its key is the name of the zone: office.',
    ],
    [['refused', '--count', '0'], 'The count cannot be read. Write a whole number from 1 to 1000.'],
  ])('answers 1 to %j, and what the gateway says', async (args, said) => {
    expect(await run(...args)).toEqual({ code: 1, out: '', err: `bulkhead: ${said}\n` });
  });

  it.each<[string[], string]>([
    [['what'], 'limits knows show, refused, reset and grant, and no "what".'],
    [['show'], 'limits show needs LIMIT KEY, such as partner/partner-rate acme.'],
    [['reset', 'a/b'], 'limits reset needs LIMIT KEY, such as partner/partner-rate acme.'],
    [
      ['grant', 'a/b', 'c', 'many'],
      'limits grant needs LIMIT KEY TOKENS, such as partner/partner-rate acme 100.',
    ],
    [['refused', 'acme'], 'limits refused takes no argument "acme".'],
    [['--count', '3'], 'limits knows --count only with refused.'],
  ])('answers 64 to %j', async (args, complaint) => {
    const { code, out, err } = await run(...args);
    expect([code, out, err.split('\n')[0]]).toEqual([64, '', `bulkhead: ${complaint}`]);
  });
});

describe('bulkhead limits without a gateway', () => {
  it('says that none answers, and how to name another', async () => {
    expect(await runBulkhead(['limits', '--url', 'http://127.0.0.1:1'])).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^bulkhead: no gateway answers at http:\/\/127\.0\.0\.1:1 \([^)]+\)\. Start it, or name it with --url\.\n$/,
      ) as string,
    });
  });

  it('says that something else answers there', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end('nothing')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, err } = await runBulkhead(['limits', '--url', `http://127.0.0.1:${port}/`]);
    server.close();
    expect([code, err]).toEqual([
      1,
      `bulkhead: what answers at http://127.0.0.1:${port} is no admin listener of bulkhead: status 404 for /limits.\n`,
    ]);
  });

  it.each<[string[], number, string]>([
    [
      ['--url', '127.0.0.1:9901'],
      64,
      'bulkhead: "127.0.0.1:9901" is not the address of an admin listener, such as http://127.0.0.1:9901.\n',
    ],
    [
      ['--url', 'http://127.0.0.1:9901/limits'],
      64,
      'bulkhead: "http://127.0.0.1:9901/limits" is not the address of an admin listener, such as http://127.0.0.1:9901.\n',
    ],
    [
      ['--url', 'http://127.0.0.1:9901', '--token-file', '/nowhere/at/all'],
      64,
      "bulkhead: cannot read /nowhere/at/all: ENOENT: no such file or directory, open '/nowhere/at/all'\n",
    ],
  ])('answers to %j with %d', async (args, code, err) => {
    expect(await runBulkhead(['limits', ...args])).toEqual({ code, out: '', err });
  });

  it('tells the problems of a configuration that does not say where the gateway is', async () => {
    const { directory, remove } = writeFiles({ 'gateway.yaml': 'listeners: {}\n' });
    const { code, err } = await runBulkhead(['limits', '--config', directory]);
    remove();
    expect(code).toBe(1);
    expect(err).toMatch(/^gateway\.yaml:1:12 {2}listeners\.admin: "admin" is missing\./);
    expect(err).toMatch(
      new RegExp(`\nbulkhead: ${directory} does not say where the gateway listens; name it with --url\\.\n$`),
    );
  });
});

describeWithTool('redis-server', 'bulkhead limits, asked of several workers', (binary) => {
  vi.setConfig({ testTimeout: 60_000 });
  let scene: WorkerScene;
  beforeEach(async () => {
    scene = await openWorkerScene(binary);
  });
  afterEach(() => scene.close());

  it('speaks for all of them, and a reset is seen by each at once', async () => {
    const running = await scene.serve({
      gatewayYaml: `admin: { token: ${token} }\n`,
      limits: 'limits: [{ name: calls, key: zone, rate: 1/d, burst: 6 }]\n',
    });
    const run = (...args: string[]) =>
      runBulkhead(['limits', ...args, '--url', `http://127.0.0.1:${running.adminPort}`, '--json'], {
        BULKHEAD_ADMIN_TOKEN: token,
      });
    const flood = async (count: number) => {
      const all = await Promise.all(Array.from({ length: count }, () => statusOf(running.proxyPort)));
      return all.filter((status) => status === 200).length;
    };
    const listed = JSON.parse((await run()).out) as Record<string, unknown>;
    expect(listed).toMatchObject({ store: { kind: 'redis', up: true }, processes: 2 });
    expect(await flood(20)).toBe(6);
    const refused = JSON.parse((await run('refused')).out) as { refused: Record<string, unknown>[] };
    expect(refused.refused).toMatchObject([{ limit: 'office/calls', key: 'office', times: 14 }]);
    const shown = JSON.parse((await run('show', 'office/calls', 'office')).out) as Record<string, unknown>;
    expect(shown).toMatchObject({ free: 0, burst: 6, lastRefused: { times: 14 } });
    expect(shown['processes']).toHaveLength(2);
    for (let i = 0; i < 2; i++) {
      const reset = JSON.parse((await run('reset', 'office/calls', 'office')).out) as Record<string, unknown>;
      expect(reset).toMatchObject({ before: { free: 0 }, after: { free: 6 } });
      expect(await flood(20)).toBe(6);
    }
    const hung = await firstPid(running);
    process.kill(hung, 'SIGSTOP');
    scene.afterwards(() => process.kill(hung, 'SIGKILL'));
    const left = JSON.parse((await run('reset', 'office/calls', 'office')).out) as Record<string, unknown>;
    expect(left).toMatchObject({ after: { free: 6 } });
    expect(JSON.parse((await run()).out)).toMatchObject({ processes: 1 });
    const { gateway } = running;
    await gateway.printed(/"audit":"limit_reset"[^\n]*\n[^]*"audit":"limit_reset"/);
    const lines = gateway.out.split('\n').filter((line) => line.includes('"audit"'));
    expect(lines.map((line) => (JSON.parse(line) as { process: string }).process)).toEqual([
      'primary',
      'primary',
      'primary',
    ]);
  });
});
