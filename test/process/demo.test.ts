import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BulkheadProcess } from '../support/gateway-process.ts';

const checkout = resolve(import.meta.dirname, '../..');
const shell = promisify(execFile);

/**
 * The demo as a newcomer meets it: its printed commands are pasted into one shell, in their order, and their output is
 * compared with what the demo says they show.
 */
describe('the demo', () => {
  let demo: BulkheadProcess;
  let outputs: string[] = [];
  beforeAll(async () => {
    demo = new BulkheadProcess(['demo', '--free-ports']);
    await demo.printed(/Ctrl-C ends all of it\./, 30_000);
    const commands = demo.out
      .split(/\n# \d+\. /)
      .slice(1)
      .map((step) => step.split('\n')[2] ?? '');
    const script = commands.map((command) => `${command}\necho; echo "=== end of step"`).join('\n');
    // npm scripts find the project's own node by PATH; the commands are run from the checkout, as the demo asks.
    const path = `${join(checkout, 'node_modules/.bin')}:${process.env['PATH']}`;
    const { stdout } = await shell('bash', ['-c', script], {
      cwd: checkout,
      env: { ...process.env, PATH: path },
      maxBuffer: 2 ** 24,
    });
    outputs = stdout.split('=== end of step').map((text) => text.trim());
  }, 90_000);
  afterAll(() => demo.kill());

  const step = (title: string): string => {
    const titles = [...demo.out.matchAll(/^# \d+\. (.*)$/gm)].map((match) => match[1]);
    const index = titles.findIndex((found) => found?.startsWith(title));
    if (index === -1) throw new Error(`no step begins with "${title}": ${titles.join(', ')}`);
    return outputs[index] ?? '';
  };

  it('serves each zone', () => {
    expect(step('Public zone')).toMatch(/^HTTP\/1\.1 200 OK\r?\n/);
    expect(step('Public zone')).toMatch(/ratelimit: "public-client";r=19;t=1, "public-tenant";r=199;t=1/);
    expect(step('Employee zone')).toBe('200');
    expect(JSON.parse(step('Partner zone'))).toMatchObject([{ id: 17 }]);
    expect(step('Admin zone')).toBe('200');
  });

  it('refuses with status, reason and request id', () => {
    const reasonOf = (text: string): unknown => (JSON.parse(text) as { reason: unknown }).reason;
    expect(step('Without a token')).toMatch(
      /^HTTP\/1\.1 401 [^]*www-authenticate: Bearer realm="partner"[^]*"reason":"credentials_missing","requestId":"[0-9a-f]{32}"/,
    );
    expect(reasonOf(step('A call that the partner zone'))).toBe('odoo_method_not_allowed');
    expect(reasonOf(step('A token of one tenant'))).toBe('tenant_mismatch');
    expect(reasonOf(step('The database manager, in a spelling'))).toBe('path_ambiguous');
    expect(reasonOf(step('The same from the internet'))).toBe('address_not_allowed');
  });

  it('sends interactive and batch work to different workers', () => {
    expect(step('Which workers').split(/\r?\n/)).toEqual([
      'x-odoo-stand-in: odoo-interactive',
      'x-odoo-stand-in: odoo-batch',
      'x-odoo-stand-in: odoo-batch',
    ]);
  });

  it('shows the 429 with its countdown', () => {
    const text = step('More than the budget');
    expect(text).toMatch(/HTTP\/1\.1 429 Too Many Requests\r?\n/);
    expect(text).toMatch(
      /ratelimit-policy: "partner-rate";q=100;w=2, "partner-daily";q=200000;w=86400, "client-rate";q=10;w=5, "parallel";q=8;qu="concurrent-requests"/,
    );
    expect(text).toMatch(
      /ratelimit: "partner-rate";r=\d+;t=\d, "partner-daily";r=\d+;t=\d+, "client-rate";r=0;t=1, "parallel";r=8/,
    );
    expect(text).toMatch(/retry-after: [12]/);
  });

  it('explains a refusal with the line of the file', () => {
    const text = step('Why was that refused');
    const at = /at {9}zones\/partner\.yaml:(\d+):5/.exec(text);
    expect(text).toContain('REFUSE 403 odoo_method_not_allowed');
    const lines = readFileSync(join(checkout, 'config/zones/partner.yaml'), 'utf8').split('\n');
    expect(lines[Number(at?.[1]) - 1]).toMatch(/^ {4}- \{ model: stock\.picking/);
  });

  it('answers the question of ForwardAuth', () => {
    expect(step('The question that Traefik asks').split(/\r?\n/)).toEqual([
      'HTTP/1.1 200 OK',
      'x-bulkhead-pool: odoo-interactive',
      'x-bulkhead-zone: employee',
      'x-bulkhead-workload: interactive',
      'x-bulkhead-tenant: acme',
    ]);
  });

  it('counts all of it per zone', () => {
    const text = step('All of it per zone');
    expect(text).toMatch(/bulkhead_refusals_total\{zone="partner",reason="credentials_missing"\} 1/);
    expect(text).toMatch(
      /bulkhead_requests_total\{surface="proxy",zone="admin",tenant="none",workload="interactive",status="200"\} 1/,
    );
    expect(text).toMatch(/bulkhead_pool_seats\{pool="odoo-batch"\} 2/);
  });

  it('ends with all its parts at Ctrl-C', async () => {
    const ports = [...demo.out.matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]));
    demo.signal('SIGINT');
    expect(await demo.ended).toBe(0);
    expect(demo.out).toMatch(/\nThe demo is over\.\n$/);
    const open = await Promise.all(
      [...new Set(ports)].map((port) =>
        fetch(`http://127.0.0.1:${port}/`).then(
          () => port,
          () => undefined,
        ),
      ),
    );
    expect(open.filter((port) => port !== undefined)).toEqual([]);
  });
});
