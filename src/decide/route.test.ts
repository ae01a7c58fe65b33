import { describe, expect, it } from 'vitest';
import { openScene } from '../../test/support/decision-scene.ts';

/** Pool and line that serve a request of each class, for a tenant of each tier. */
function routes(pools: string) {
  const scene = openScene({
    erp: `zone: erp
match: Host(\`{tenant}.erp.example\`)
identify: none
tenant: { from: [host] }
pools: ${pools}
`,
  });
  return (tenant: string) =>
    Object.fromEntries(
      ['/odoo', '/report/pdf/x/1', '/web/static/a.js'].map((path) => {
        const { workload, pool, trace } = scene.ask(`GET https://${tenant}.erp.example${path}`);
        const { at, note } = trace.at(-1) ?? {};
        return [workload, `${pool} ${at} (${note})`];
      }),
    );
}

const line = 'zones/erp.yaml:5';

describe('a zone with one pool', () => {
  it.each(['interactive', 'batch'])('sends everything to it when it is the %s one', (name) => {
    const one = `people ${line}:${12 + name.length}`;
    expect(routes(`{ ${name}: people }`)('acme')).toEqual({
      interactive: `${one} (interactive)`,
      batch: `${one} (batch)`,
      static: `${one} (static)`,
    });
  });
});

describe('a zone with a pool for each class', () => {
  it('sends each to its own, static files beside people', () => {
    expect(routes('{ interactive: people, batch: machines }')('acme')).toEqual({
      interactive: `people ${line}:23 (interactive)`,
      batch: `machines ${line}:38 (batch)`,
      static: `people ${line}:23 (static)`,
    });
  });

  it('sends static files where it says', () => {
    expect(routes('{ interactive: people, batch: machines, static: people-of-globex }')('acme')).toEqual({
      interactive: `people ${line}:23 (interactive)`,
      batch: `machines ${line}:38 (batch)`,
      static: `people-of-globex ${line}:56 (static)`,
    });
  });
});

describe('a zone with pools for a tier', () => {
  it('sends only tenants of that tier there', () => {
    const poolsOf = routes(
      '{ interactive: people, batch: machines, tiers: { dedicated: { interactive: people-of-globex, batch: machines-of-globex } } }',
    );
    const shared = {
      interactive: `people ${line}:23 (interactive)`,
      batch: `machines ${line}:38 (batch)`,
      static: `people ${line}:23 (static)`,
    };
    expect(poolsOf('acme')).toEqual(shared);
    expect(poolsOf('initech')).toEqual(shared);
    expect(poolsOf('globex')).toEqual({
      interactive: `people-of-globex ${line}:83 (interactive, dedicated)`,
      batch: `machines-of-globex ${line}:108 (batch, dedicated)`,
      static: `people-of-globex ${line}:83 (static, dedicated)`,
    });
  });

  // A tier with a batch pool of its own once had its people sent there too.
  it('keeps the pools of the zone for what the tier does not name', () => {
    const poolsOf = routes(
      '{ interactive: people, batch: machines, tiers: { dedicated: { batch: machines-of-globex } } }',
    );
    expect(poolsOf('globex')).toEqual({
      interactive: `people ${line}:23 (interactive)`,
      batch: `machines-of-globex ${line}:77 (batch, dedicated)`,
      static: `people ${line}:23 (static)`,
    });
  });

  it('sends both classes to the one pool of the tier where the zone has one pool as well', () => {
    const poolsOf = routes(
      '{ interactive: people, tiers: { dedicated: { interactive: people-of-globex } } }',
    );
    const own = `people-of-globex ${line}:66`;
    expect(poolsOf('globex')).toEqual({
      interactive: `${own} (interactive, dedicated)`,
      batch: `${own} (batch, dedicated)`,
      static: `${own} (static, dedicated)`,
    });
  });
});
