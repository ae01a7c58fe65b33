import { expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';
import { createPoolLedger } from './pool-ledger.ts';

it('counts seat time by class, by use and by tenant, and whoever got no seat by cause', () => {
  const metrics = createMetrics({ pools: () => [], bounded: () => [], limitDeciders: () => ({}) });
  const ledger = createPoolLedger(metrics, (tenant) => tenant ?? 'none');
  const use = { workClass: 'interactive', tenant: 'acme', serviceMs: 250, outcome: 'ok' };
  ledger.served('odoo', use);
  ledger.served('odoo', { ...use, serviceMs: 1_500 });
  ledger.served('odoo', { ...use, workClass: 'batch', tenant: 'zone:public', outcome: 'unwanted' });
  ledger.served('odoo', { ...use, workClass: 'batch', tenant: 'zone:public', outcome: 'unknown' });
  ledger.shed('odoo', 'batch', 'deadline');
  ledger.shed('odoo', 'batch', 'deadline');
  ledger.shed('odoo', 'critical', 'client_gone');
  expect(metrics.seatSeconds.entries()).toEqual([
    { values: ['odoo', 'interactive', 'yes'], count: 1.75 },
    { values: ['odoo', 'batch', 'no'], count: 0.5 },
  ]);
  // A zone without tenants is not one.
  expect(metrics.tenantSeatSeconds.entries()).toEqual([
    { values: ['odoo', 'acme'], count: 1.75 },
    { values: ['odoo', 'none'], count: 0.5 },
  ]);
  expect(metrics.shed.entries()).toEqual([
    { values: ['odoo', 'batch', 'deadline'], count: 2 },
    { values: ['odoo', 'critical', 'client_gone'], count: 1 },
  ]);
});
