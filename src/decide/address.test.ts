import { describe, expect, it } from 'vitest';
import { openScene } from '../../test/support/decision-scene.ts';

const zoneWith = (address: string) => ({
  erp: `zone: erp
match: Host(\`erp.example\`)
address: ${address}
identify: none
pools: { interactive: people }
`,
});
const request = 'GET https://erp.example/';

describe('a zone for certain addresses', () => {
  const scene = openScene(zoneWith('{ allow: [192.0.2.0/24, "2001:db8::/32"], deny: [192.0.2.128/25] }'));

  it.each([
    ['192.0.2.1', true],
    ['192.0.2.127', true],
    ['192.0.2.128', false],
    ['192.0.3.1', false],
    ['2001:db8::1', true],
    ['2001:db9::1', false],
    ['::ffff:192.0.2.1', true],
    ['::ffff:192.0.2.129', false],
    ['127.0.0.1', false],
  ])('lets %s in: %s', (from, admitted) => {
    const { decision, reason, status, at } = scene.ask(request, { from });
    expect({ decision, reason, status, at }).toEqual(
      admitted
        ? { decision: 'allow', reason: null, status: null, at: 'zones/erp.yaml:2:8' }
        : { decision: 'refuse', reason: 'address_not_allowed', status: 403, at: 'zones/erp.yaml:3:10' },
    );
  });

  it('judges the client that a trusted proxy names, and takes the word of nobody else', () => {
    const headers = { 'X-Forwarded-For': '192.0.2.1' };
    expect(scene.ask(request, { from: '10.0.0.1', headers }).decision).toBe('allow');
    expect(scene.ask(request, { from: '10.0.0.2', headers }).reason).toBe('address_not_allowed');
    expect(scene.ask(request, { from: '10.0.0.1' }).reason).toBe('address_not_allowed');
  });
});

describe('the guard of a zone', () => {
  it('counts an address, and all of one IPv6 network as one', () => {
    const scene = openScene(zoneWith('{ guard: { rate: 1/h } }'));
    const reasons = [
      '192.0.2.1',
      '192.0.2.1',
      '192.0.2.2',
      '2001:db8::1',
      '2001:db8::2',
      '2001:db8:0:1::1',
    ].map((from) => scene.ask(request, { from }).reason);
    expect(reasons).toEqual([null, 'address_rate_exceeded', null, null, 'address_rate_exceeded', null]);
  });

  it('is no limit of the zone: an admitted request tells nothing of it', () => {
    const { limits } = openScene(zoneWith('{ guard: { rate: 1/h } }')).ask(request);
    expect(limits).toEqual([]);
  });
});
