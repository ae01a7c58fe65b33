import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runBulkhead } from '../support/gateway-process.ts';
import type { HeldUpstream } from '../support/held-upstream.ts';
import { readMetrics } from '../support/metrics-text.ts';
import { writeFiles } from '../support/write-files.ts';
import {
  afterStarts,
  ask,
  firstPid,
  openWorkerScene,
  pids,
  readiness,
  requestsCounted,
  startMs,
  statusOf,
  trickle,
  type WorkerScene,
} from '../support/worker-scene.ts';
import { describeWithTool } from '../system/require-tool.ts';

// Each of these tests starts between three and seven processes.
vi.setConfig({ testTimeout: 60_000 });

describeWithTool('redis-server', 'the workers of bulkhead serve', (binary) => {
  let scene: WorkerScene;
  let odoo: HeldUpstream;

  beforeEach(async () => {
    scene = await openWorkerScene(binary);
    odoo = scene.odoo;
  });
  afterEach(() => scene.close());

  it('count as instances that share the limits, with those of other gateways', async () => {
    const gateways = [await scene.serve({ workers: 2 }), await scene.serve({ workers: 2 })];
    await afterStarts(async () => {
      for (const { adminPort } of gateways)
        expect(await readMetrics(adminPort)).toMatchObject({ bulkhead_limit_instances: 4 });
    });
  });

  it('loses with a killed worker only what that one had in hand, and replaces it', async () => {
    const running = await scene.serve({ workers: 2, seats: 2 });
    odoo.hold(true);
    const answers = [ask(running.proxyPort), ask(running.proxyPort)];
    await afterStarts(() => expect(odoo.waiting()).toHaveLength(2));
    const before = await pids(running);
    process.kill(before[0] ?? 0, 'SIGKILL');
    await afterStarts(() => expect(odoo.waiting()).toHaveLength(1));
    odoo.release();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([0, 200]);
    odoo.hold(false);
    const after = await afterStarts(async () => {
      expect((await readiness(running)).details['workers']).toBe('2 of 2 take requests');
      return pids(running);
    });
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(await statusOf(running.proxyPort)).toBe(200);
    expect(await readMetrics(running.adminPort)).toMatchObject({ bulkhead_worker_restarts_total: 1 });
    await running.gateway.printed(
      /"worker":1,"pid":\d+,"cause":"SIGKILL","delayMs":0,"msg":"a worker has died/,
      startMs,
    );
  });

  it('replaces every worker at SIGUSR2, and loses no request', async () => {
    const running = await scene.serve();
    const before = await pids(running);
    const over = { is: false };
    const trickles = [1, 2].map(() => trickle(running.proxyPort, () => over.is));
    const serving: number[] = [];
    const watching = (async () => {
      while (!over.is) {
        serving.push((await readMetrics(running.adminPort))['bulkhead_workers'] ?? 0);
        await sleep(50);
      }
    })();
    running.gateway.signal('SIGUSR2');
    await running.gateway.printed(/"msg":"the workers are replaced"/, startMs);
    over.is = true;
    await watching;
    expect(Math.min(...serving)).toBe(2);
    const statuses = (await Promise.all(trickles)).flat();
    expect(statuses.length).toBeGreaterThan(10);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    const after = await pids(running);
    expect(after).toHaveLength(2);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    // Those that were replaced have told what they counted.
    expect(await requestsCounted(running)).toBe(statuses.length);
    expect(await readMetrics(running.adminPort)).toMatchObject({ bulkhead_worker_restarts_total: 0 });
  });

  it('leaves the workers as they are when a new one does not start', async () => {
    const { directory, remove } = writeFiles({ 'release.cjs': '' });
    scene.afterwards(remove);
    const release = join(directory, 'release.cjs');
    const running = await scene.serve({ env: { NODE_OPTIONS: `--require=${release}` } });
    const before = await pids(running);
    writeFileSync(release, `if (require('node:cluster').isWorker) process.exit(9);\n`);
    running.gateway.signal('SIGUSR2');
    await running.gateway.printed(
      /"cause":"exit code 9","msg":"not all workers are replaced; those that are not go on"/,
      startMs,
    );
    expect(await pids(running)).toEqual(before);
    expect(await statusOf(running.proxyPort)).toBe(200);
    // A later try, with a program that starts.
    writeFileSync(release, '');
    running.gateway.signal('SIGUSR2');
    await running.gateway.printed(/"msg":"the workers are replaced"/, startMs);
    expect((await pids(running)).filter((pid) => before.includes(pid))).toEqual([]);
  });

  it('answers what is in progress in every worker before it ends at SIGTERM, and takes nothing new', async () => {
    const running = await scene.serve({ seats: 2 });
    odoo.hold(true);
    const answers = [ask(running.proxyPort), ask(running.proxyPort)];
    await afterStarts(() => expect(odoo.waiting()).toHaveLength(2));
    running.gateway.signal('SIGTERM');
    for (const worker of [1, 2])
      await running.gateway.printed(new RegExp(`"worker":${worker},[^\n]*"draining"`));
    expect(await statusOf(running.proxyPort)).toBe(0);
    const { status, details } = await readiness(running);
    expect({ status, state: details['state'] }).toEqual({ status: 503, state: 'draining' });
    odoo.release();
    odoo.release();
    expect((await Promise.all(answers)).map((answer) => answer.status)).toEqual([200, 200]);
    expect(await running.gateway.ended).toBe(0);
    expect(running.gateway.out).toMatch(/"process":"primary","msg":"stopped"\}\n$/);
  });

  it('kills a worker that does not drain in its time', async () => {
    const running = await scene.serve({ gatewayYaml: 'drain: { timeout: 100ms }\n' });
    process.kill(await firstPid(running), 'SIGSTOP');
    running.gateway.signal('SIGTERM');
    expect(await running.gateway.ended).toBe(0);
    expect(running.gateway.out).toMatch(/"worker":1,"pid":\d+,"msg":"a worker did not end in its time/);
  });

  it('replaces a worker that was told to end behind its back, and loses nothing', async () => {
    const running = await scene.serve({ seats: 2 });
    odoo.hold(true);
    const answers = [ask(running.proxyPort), ask(running.proxyPort)];
    await afterStarts(() => expect(odoo.waiting()).toHaveLength(2));
    const [first = 0, second = 0] = await pids(running);
    process.kill(first, 'SIGTERM');
    await running.gateway.printed(/"worker":1,[^\n]*"draining"/, startMs);
    odoo.release();
    odoo.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    await afterStarts(async () => {
      expect((await readiness(running)).details['workers']).toBe('2 of 2 take requests');
      const now = await pids(running);
      expect(now).toContain(second);
      expect(now).not.toContain(first);
    });
  });

  it('lets a worker end its requests when the primary is killed', async () => {
    const running = await scene.serve({ seats: 2 });
    odoo.hold(true);
    const answer = ask(running.proxyPort);
    await afterStarts(() => expect(odoo.waiting()).toHaveLength(1));
    running.gateway.signal('SIGKILL');
    await running.gateway.printed(/"worker":1,"delayMs":0,"timeoutMs":30000,"msg":"draining"/, startMs);
    odoo.release();
    expect((await answer).status).toBe(200);
    expect(await running.gateway.ended).toBe('SIGKILL');
  });

  it('says plainly that a port is taken', async () => {
    const { proxyPort } = await scene.serve();
    const directory = scene.layOut({ proxy: `127.0.0.1:${proxyPort}` });
    const { code, err } = await runBulkhead(['serve', '--config', directory]);
    expect(code).toBe(1);
    expect(err).toBe(`bulkhead: cannot start: bind EADDRINUSE 127.0.0.1:${proxyPort}\n`);
  });

  it('gives up when workers end again and again while they start, and names the cause', async () => {
    const ending = writeFiles({ 'end.cjs': `if (require('node:cluster').isWorker) process.exit(7);\n` });
    scene.afterwards(ending.remove);
    const { code, err } = await runBulkhead(['serve', '--config', scene.layOut()], {
      NODE_OPTIONS: `--require=${join(ending.directory, 'end.cjs')}`,
    });
    expect(code).toBe(1);
    expect(err).toBe('bulkhead: cannot start: the workers end while they start: exit code 7\n');
  });
});
