import { describe, expect, it } from 'vitest';
import { openScene } from '../../test/support/decision-scene.ts';

function canary(pools: string) {
  return openScene({
    erp: `zone: erp
match: Host(\`{tenant}.erp.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: people, batch: machines, websocket: tunnels, ${pools} }
`,
  });
}

/** As Odoo writes them: 84 characters, of which the second half changes. */
function sessionId(i: number, rotation = 'a'): string {
  return `${String(i).padStart(42, 's')}${rotation.repeat(42)}`;
}

type Scene = ReturnType<typeof canary>;

function poolOf(scene: Scene, session: string, path = '/odoo', tenant = 'acme'): string | undefined {
  const headers = { Cookie: `frontend_lang=de_DE; session_id=${session}; cids=1` };
  return scene.ask(`GET https://${tenant}.erp.example${path}`, { headers }).pool ?? undefined;
}

/** Which of a thousand sessions go to the new version. */
function chosen(scene: Scene, tenant = 'acme'): number[] {
  return Array.from({ length: 1_000 }, (_, i) => i).filter(
    (i) => poolOf(scene, sessionId(i), '/odoo', tenant) === 'people-of-globex',
  );
}

const to = (share: string, more = ''): Scene =>
  canary(`canary: { pool: people-of-globex, share: ${share}${more} }`);

describe('a canary', () => {
  it('gets about its share of the sessions, nobody at 0% and everybody at 100%', () => {
    const counts = ['0%', '0.5%', '20%', '100%'].map((share) => chosen(to(share)).length);
    expect([counts[0], counts[3]]).toEqual([0, 1_000]);
    expect(counts[1]).toBeLessThan(15);
    expect(counts[2]).toBeGreaterThan(150);
    expect(counts[2]).toBeLessThan(250);
  });

  it('keeps who was chosen when the share grows', () => {
    const [few, more] = [chosen(to('5%')), new Set(chosen(to('10%')))];
    expect(few.length).toBeGreaterThan(0);
    expect(few.every((i) => more.has(i))).toBe(true);
    expect(more.size).toBeGreaterThan(few.length);
  });

  it('serves all that a session asks for, before and after Odoo renewed its id', () => {
    const scene = to('20%');
    for (let i = 0; i < 50; i++) {
      const pools = [
        poolOf(scene, sessionId(i)) === 'people-of-globex',
        poolOf(scene, sessionId(i, 'b')) === 'people-of-globex',
        poolOf(scene, sessionId(i), '/report/pdf/x/1') === 'people-of-globex',
        poolOf(scene, sessionId(i), '/web/static/a.js') === 'people-of-globex',
      ];
      expect(new Set(pools).size).toBe(1);
    }
  });

  it('chooses others at each tenant', () => {
    const scene = to('20%');
    const [acme, initech] = [chosen(scene), new Set(chosen(scene, 'initech'))];
    expect(acme.every((i) => initech.has(i))).toBe(false);
  });

  it('is told by the trace of explain, with the line and by what the caller was recognised', () => {
    const scene = to('100%');
    const decided = scene.explain('GET https://acme.erp.example/odoo', {
      headers: { Cookie: `session_id=${sessionId(1)}` },
    });
    expect(decided.trace.at(-1)).toEqual({
      stage: 'route',
      outcome: 'people-of-globex',
      at: 'zones/erp.yaml:5:84',
      note: 'interactive, canary by session',
    });
    const unknown = scene.explain('GET https://acme.erp.example/odoo');
    expect(unknown.trace.at(-1)?.note).toBe('interactive, canary by address');
  });

  it('decides the same live and dry', () => {
    const scene = to('50%');
    for (let i = 0; i < 20; i++) {
      const headers = { Cookie: `session_id=${sessionId(i)}` };
      const request = 'GET https://acme.erp.example/odoo';
      expect(scene.explain(request, { headers }).pool).toBe(scene.ask(request, { headers }).pool);
    }
  });

  it('recognises a caller without a session by its credential, wherever it calls from', () => {
    const scene = openScene({
      api: `zone: api
match: Host(\`{tenant}.erp.example\`)
identify: { any: [{ jwt: { issuer: keycloak, audience: bulkhead } }] }
tenant: { from: [host] }
pools: { interactive: people, canary: { pool: people-of-globex, share: 50% } }
`,
    });
    const poolsOf = (subject: string): Set<string | undefined> =>
      new Set(
        ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map((from) => {
          const { pool } = scene.ask('GET https://acme.erp.example/json/2/res.partner/read', {
            from,
            as: { jwt: { sub: subject, aud: 'bulkhead', tenant: 'acme' } },
          });
          return pool ?? undefined;
        }),
      );
    const pools = Array.from({ length: 20 }, (_, i) => poolsOf(`robot-${i}`));
    expect(pools.every((one) => one.size === 1)).toBe(true);
    expect(new Set(pools.flatMap((one) => [...one])).size).toBe(2);
  });

  it('takes only the tenants that it names', () => {
    const scene = to('100%', ', tenants: [initech]');
    expect(poolOf(scene, sessionId(1))).toBe('people');
    expect(poolOf(scene, sessionId(1), '/odoo', 'initech')).toBe('people-of-globex');
  });

  it('leaves tenants alone that have pools of their own, unless it names them', () => {
    const tiers = 'tiers: { dedicated: { interactive: machines-of-globex } }';
    const all = canary(`canary: { pool: people-of-globex, share: 100% }, ${tiers}`);
    expect(poolOf(all, sessionId(1), '/odoo', 'globex')).toBe('machines-of-globex');
    const named = canary(`canary: { pool: people-of-globex, share: 100%, tenants: [globex] }, ${tiers}`);
    expect(poolOf(named, sessionId(1), '/odoo', 'globex')).toBe('people-of-globex');
  });
});
