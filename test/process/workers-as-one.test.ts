import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { HeldUpstream } from '../support/held-upstream.ts';
import { readMetrics } from '../support/metrics-text.ts';
import {
  afterStarts,
  ask,
  firstPid,
  officeZone,
  openWorkerScene,
  pids,
  readiness,
  requestsCounted,
  startMs,
  statusOf,
  type WorkerScene,
} from '../support/worker-scene.ts';
import { describeWithTool } from '../system/require-tool.ts';

// Each of these tests starts between three and seven processes.
vi.setConfig({ testTimeout: 60_000 });

describeWithTool('redis-server', 'several workers of bulkhead serve, taken as one gateway', (binary) => {
  let scene: WorkerScene;
  let odoo: HeldUpstream;

  beforeEach(async () => {
    scene = await openWorkerScene(binary);
    odoo = scene.odoo;
  });
  afterEach(() => scene.close());

  it('answers on one port with every worker', async () => {
    const running = await scene.serve({ workers: 3, seats: 3 });
    odoo.hold(true);
    // Each worker has one of three seats, so three requests get through only if each goes to another one.
    const answers = [1, 2, 3].map(() => ask(running.proxyPort));
    await afterStarts(() => expect(odoo.waiting()).toHaveLength(3));
    for (let i = 0; i < 3; i++) odoo.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
    const { status, details } = await readiness(running);
    expect(status).toBe(200);
    expect(details).toMatchObject({ ready: true, state: 'serving', workers: '3 of 3 take requests' });
    expect(new Set([...(await pids(running)), running.gateway.child.pid]).size).toBe(4);
    const metrics = await readMetrics(running.adminPort);
    expect(metrics).toMatchObject({ bulkhead_workers: 3, 'bulkhead_pool_seats{pool="odoo"}': 3 });
  });

  it('counts for all workers, and goes on counting from there when one dies', async () => {
    const running = await scene.serve();
    for (let i = 0; i < 6; i++) expect(await statusOf(running.proxyPort)).toBe(200);
    expect(await requestsCounted(running)).toBe(6);
    const before = await firstPid(running);
    process.kill(before, 'SIGKILL');
    await afterStarts(async () => expect(await pids(running)).not.toContain(before));
    expect(await requestsCounted(running)).toBe(6);
    await afterStarts(async () =>
      expect((await readiness(running)).details['workers']).toBe('2 of 2 take requests'),
    );
    for (let i = 0; i < 4; i++) expect(await statusOf(running.proxyPort)).toBe(200);
    expect(await requestsCounted(running)).toBe(10);
  });

  it('shows what a worker counted that does not answer any more, and says that it does not', async () => {
    const running = await scene.serve();
    for (let i = 0; i < 4; i++) expect(await statusOf(running.proxyPort)).toBe(200);
    expect(await requestsCounted(running)).toBe(4);
    const hung = await firstPid(running);
    process.kill(hung, 'SIGSTOP');
    scene.afterwards(() => process.kill(hung, 'SIGKILL'));
    expect(await requestsCounted(running)).toBe(4);
    const { status, details } = await readiness(running);
    expect(status).toBe(200);
    expect(details).toMatchObject({
      workers: '1 of 2 take requests',
      [`worker 1, process ${hung}`]: 'serving, does not answer',
    });
  });

  it('admits exactly the burst of a limit, whichever worker is asked', async () => {
    const running = await scene.serve({
      limits: 'limits: [{ name: calls, key: zone, rate: 1/d, burst: 10 }]\n',
    });
    const answers = await Promise.all(Array.from({ length: 30 }, () => statusOf(running.proxyPort)));
    expect(answers.filter((status) => status === 200)).toHaveLength(10);
    expect(answers.filter((status) => status === 429)).toHaveLength(20);
  });

  it('never sends Odoo more requests than it has seats', async () => {
    const running = await scene.serve({ workers: 2, seats: 3 });
    odoo.hold(true);
    const answers = Array.from({ length: 20 }, () => statusOf(running.proxyPort));
    const most: number[] = [];
    for (let answered = 0; answered < 20; answered++) {
      await afterStarts(() => expect(odoo.waiting().length).toBeGreaterThan(0));
      // Long enough for a request that should not come.
      await sleep(answered < 3 ? 200 : 20);
      most.push(odoo.waiting().length);
      odoo.release();
    }
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(Math.max(...most)).toBe(3);
  });

  it('puts a changed file in force in every worker, and keeps the last good one for those that start later', async () => {
    const running = await scene.serve();
    const { gateway, directory, proxyPort, adminPort } = running;
    const write = (text: string): void => {
      writeFileSync(join(directory, 'zones/.new'), text);
      renameSync(join(directory, 'zones/.new'), join(directory, 'zones/office.yaml'));
    };
    const statuses = (target: string): Promise<number[]> =>
      Promise.all([1, 2, 3, 4].map(() => statusOf(proxyPort, target)));
    write(officeZone('/web'));
    gateway.signal('SIGHUP');
    await gateway.printed(/"msg":"the new configuration is in force"/, startMs);
    await afterStarts(async () => expect(await statuses('/web')).toEqual([200, 200, 200, 200]));
    expect(await statuses('/odoo')).toEqual([404, 404, 404, 404]);

    write('zone: nonsense\n');
    gateway.signal('SIGHUP');
    await gateway.printed(/"msg":"the new configuration is refused/, startMs);
    const killed = await firstPid(running);
    process.kill(killed, 'SIGKILL');
    await afterStarts(async () => {
      expect(await pids(running)).not.toContain(killed);
      expect((await readiness(running)).details).toMatchObject({
        workers: '2 of 2 take requests',
        configuration: 'the files on disk are refused; the last good configuration is in force',
      });
    });
    expect(await statuses('/web')).toEqual([200, 200, 200, 200]);
    const metrics = await readMetrics(adminPort);
    expect(metrics['bulkhead_config_fresh']).toBe(0);
    expect(Object.keys(metrics).filter((name) => name.startsWith('bulkhead_config_info'))).toHaveLength(1);
  });

  it('keeps a line of the log whole, whoever writes it', async () => {
    const running = await scene.serve();
    await Promise.all(Array.from({ length: 60 }, () => statusOf(running.proxyPort)));
    running.gateway.signal('SIGTERM');
    expect(await running.gateway.ended).toBe(0);
    const lines = running.gateway.out.trimEnd().split('\n');
    const read = lines.map((line) => JSON.parse(line) as { msg: string });
    expect(read.filter(({ msg }) => msg === 'request')).toHaveLength(60);
  });
});
