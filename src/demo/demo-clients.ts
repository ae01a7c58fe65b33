import type { DemoClient } from './openid-provider.ts';

export const demoAudience = 'bulkhead';

/** Machines and people of the demo; the secrets open nothing but the demo. */
export const demoClients: readonly DemoClient[] = [
  { id: 'edi-acme', secret: 'demo', claims: { scope: 'edi.write', tenant: 'acme' } },
  { id: 'edi-nordfracht', secret: 'demo', claims: { scope: 'edi.write', tenant: 'nordfracht' } },
  { id: 'reader-acme', secret: 'demo', claims: { scope: 'edi.read', tenant: 'acme' } },
  { id: 'admin', secret: 'demo', claims: { scope: 'erp.admin' } },
];
