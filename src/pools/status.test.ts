import { expect, it } from 'vitest';
import { describePool, type EndpointStatus, type PoolStatus } from './status.ts';

const endpoint: EndpointStatus = { url: 'http://a:8069', up: true, saturated: false, busy: 0, seats: 4 };
const status: PoolStatus = {
  name: 'odoo',
  seats: 8,
  recommendedSeats: 8,
  busy: 0,
  busyByZone: {},
  queued: 0,
  queuedByZone: {},
  classes: [],
  endpoints: [endpoint, { ...endpoint, url: 'http://b:8069', up: false }],
  leaving: 0,
};

it.each([
  [status, 'odoo 1/2 up'],
  [{ ...status, leaving: 1 }, 'odoo 1/2 up and 1 leaving'],
  [{ ...status, names: [{ name: 'odoo.erp.svc:8069', addresses: 2, failure: undefined }] }, 'odoo 1/2 up'],
  [
    { ...status, leaving: 2, names: [{ name: 'odoo.erp.svc:8069', addresses: 2, failure: 'ENOTFOUND' }] },
    'odoo 1/2 up and 2 leaving and odoo.erp.svc:8069 not found',
  ],
])('describePool tells what is in service and what is not as usual', (pool, text) => {
  expect(describePool(pool)).toBe(text);
});
