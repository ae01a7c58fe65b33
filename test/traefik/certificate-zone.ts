import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleDirectory } from '../support/test-gateway.ts';

/** A configuration with one zone, in which partners are known by a client certificate and by nothing else. */
export function certificateZoneFiles(authorityPem: string): Record<string, string> {
  const fromExample = (name: string): [string, string] => [
    name,
    readFileSync(join(exampleDirectory, name), 'utf8'),
  ];
  return {
    ...Object.fromEntries([
      fromExample('gateway.yaml'),
      fromExample('pools.yaml'),
      fromExample('tenants.yaml'),
    ]),
    'partner-ca.pem': authorityPem,
    'identities.yaml': `
clientAuthorities:
  - name: partners
    certificates: "\${file:partner-ca.pem}"
    subjectFrom: subject.CN
    tenantFrom: subject.O
`,
    'zones/partner.yaml': `
zone: partner
match: Host(\`{tenant}.partner.erp.example\`) && PathPrefix(\`/json/2/\`) && Method(\`POST\`)
identify: { any: [{ clientCert: { ca: partners } }] }
tenant: { from: [host, principal] }
# A tenant of the example has figures of its own for it.
limits: [{ name: partner-rate, key: tenant, rate: 1000/s }]
pools: { interactive: odoo-interactive, batch: odoo-batch }
`,
  };
}
