import { describe, expect, it } from 'vitest';
import { openScene } from '../../test/support/decision-scene.ts';
import { manualClock } from '../core/clock.ts';
import { SessionKeys } from '../limits/session-keys.ts';

const shop = `zone: shop
match: Host(\`{tenant}.shop.example\`)
identify: none
tenant: { from: [host] }
limits:
  - { name: of-a-user, key: session, rate: 2/h }
  - { name: by-address, key: client, rate: 90/h }
pools: { interactive: people }
`;
const page = 'GET https://acme.shop.example/shop';
const id = (i: number, rotation = 'r'): string => `${String(i).padStart(42, 's')}${rotation.repeat(42)}`;
const withSession = (i: number, rotation?: string) => ({ Cookie: `tz=x; session_id=${id(i, rotation)}` });

describe('a limit for each session', () => {
  it('is one budget before and after Odoo renewed the id, from any address, and none for others', () => {
    const scene = openScene({ shop });
    const ask = (session: number, rotation: string, from: string) =>
      scene.ask(page, { headers: withSession(session, rotation), from }).decision;
    expect([
      ask(1, 'a', '192.0.2.1'),
      ask(1, 'b', '192.0.2.2'),
      ask(1, 'c', '192.0.2.3'),
      ask(2, 'a', '192.0.2.1'),
    ]).toEqual(['allow', 'allow', 'refuse', 'allow']);
  });

  it('is the budget of the address for all who leave the cookie away or spoil it', () => {
    const scene = openScene({ shop });
    const ask = (headers: Record<string, string>) => scene.ask(page, { headers }).limits[0];
    expect(ask({})).toMatchObject({ key: '192.0.2.1', remaining: 1, admitted: true });
    expect(ask({ Cookie: `session_id="${id(1)}"` })).toMatchObject({ key: '192.0.2.1', remaining: 0 });
    expect(ask({ Cookie: `session_id=${id(1)}; session_id=${id(2)}` })).toMatchObject({ admitted: false });
    expect(ask(withSession(1))).toMatchObject({ remaining: 1, admitted: true });
  });

  it('tells of the session no more than a digest, live and in explain', () => {
    const scene = openScene({ shop });
    const asked = { headers: withSession(7) };
    const told = [scene.ask(page, asked), scene.explain(page, asked)];
    expect(told.map(({ limits }) => limits[0]?.key)).toEqual(
      Array.from({ length: 2 }, () => 'session-748243ffe0de7f2a52481ebe885c5503'),
    );
    expect(JSON.stringify(told)).not.toContain(id(7).slice(20, 42));
  });

  it('counts ids that are made up faster than sessions begin under their address', () => {
    const scene = openScene({ shop });
    const sessions = new SessionKeys(manualClock());
    for (let i = 0; i < 2_000; i++) sessions.keyOf(`made up ${i}`, '192.0.2.1');
    const effects = { sessionKey: (session: string, key: string) => sessions.keyOf(session, key) };
    const keyFor = (i: number, from: string) =>
      scene.ask(page, { headers: withSession(i), from, effects }).limits[0]?.key;
    expect(keyFor(1, '192.0.2.1')).toBe('192.0.2.1');
    expect(keyFor(1, '192.0.2.2')).toMatch(/^session-/);
    expect(keyFor(1, '192.0.2.1')).toMatch(/^session-/);
    expect(scene.explain(page, { headers: withSession(2) }).limits[0]?.key).toMatch(/^session-/);
  });
});
