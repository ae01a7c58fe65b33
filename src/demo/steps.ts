/** Where the parts of the demo listen. */
export interface DemoAddresses {
  proxy: string;
  forwardAuth: string;
  admin: string;
  issuer: string;
  interactive: string;
  batch: string;
  websocket: string;
}

/** One thing to try: a command to paste and what it shows. */
export interface DemoStep {
  title: string;
  command: string;
  shows: string;
}

const status = `-o /dev/null -w '%{http_code}\\n'`;

/** What a newcomer tries, in an order that tells a story. Every command works in a plain shell. */
export function demoSteps({ proxy, forwardAuth, admin, issuer }: DemoAddresses): DemoStep[] {
  const gateway = `http://${proxy}`;
  const partner = `-X POST ${gateway}/json/2/stock.picking/read -H 'Host: acme.partner.erp.example' -H 'Content-Type: application/json' -d '{"ids":[17],"fields":["name","state"]}'`;
  const token = (client: string): string =>
    `$(curl -s ${issuer}/token -d grant_type=client_credentials -d client_id=${client} -d client_secret=demo | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`;
  return [
    {
      title: 'Public zone: anybody may follow a delivery',
      command: `curl -si ${gateway}/my/orders/17 -H 'Host: acme.api.erp.example' | head -n 12`,
      shows: '200 from the interactive workers, with the budget that is left',
    },
    {
      title: 'Employee zone: staff open Odoo',
      command: `curl -s ${status} ${gateway}/odoo -H 'Host: acme.erp.example'`,
      shows: '200',
    },
    {
      title: 'Get tokens: one for a partner, one for an administrator',
      command: `TOKEN=${token('edi-acme')}; ADMIN=${token('admin')}`,
      shows: 'nothing; the next commands use them',
    },
    {
      title: 'Partner zone: a call with a token',
      command: `curl -s ${partner} -H "Authorization: Bearer $TOKEN"`,
      shows: 'the record',
    },
    {
      title: 'Admin zone: the database manager, with an administrator token',
      command: `curl -s ${status} ${gateway}/web/database/manager -H 'Host: admin.erp.example' -H "Authorization: Bearer $ADMIN"`,
      shows: '200',
    },
    {
      title: 'Without a token',
      command: `curl -si ${partner} | sed -n '1p;/www-authenticate/p;$p'`,
      shows: '401 with reason credentials_missing and a request id',
    },
    {
      title: 'A call that the partner zone does not allow',
      command: `curl -s -X POST ${gateway}/json/2/res.users/read -H 'Host: acme.partner.erp.example' -H "Authorization: Bearer $TOKEN" -d '{}'`,
      shows: '403 with reason odoo_method_not_allowed',
    },
    {
      title: 'A token of one tenant on the host of another',
      command: `curl -s -X POST ${gateway}/json/2/stock.picking/read -H 'Host: nordfracht.partner.erp.example' -H "Authorization: Bearer $TOKEN" -d '{}'`,
      shows: '403 with reason tenant_mismatch',
    },
    {
      title: 'The database manager, in a spelling that Odoo itself would accept',
      command: `curl -s --path-as-is ${gateway}//web/database/manager -H 'Host: acme.erp.example'`,
      shows: '400 with reason path_ambiguous',
    },
    {
      title: 'The same from the internet: the trusted proxy says who calls',
      command: `curl -s ${gateway}/odoo -H 'Host: acme.erp.example' -H 'X-Forwarded-For: 198.51.100.9'`,
      shows: '403 with reason address_not_allowed',
    },
    {
      title: 'Which workers: a read of one picking, a search, a report',
      command: [
        `for path in json/2/stock.picking/read json/2/sale.order/search_read; do curl -si -X POST ${gateway}/$path -H 'Host: acme.partner.erp.example' -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{}' | grep -i x-odoo-stand-in; done`,
        `curl -si ${gateway}/report/pdf/stock.report_deliveryslip/17 -H 'Host: acme.erp.example' | grep -ai x-odoo-stand-in`,
      ].join('; '),
      shows: 'interactive, batch, batch',
    },
    {
      title: 'More than the budget: fifteen calls at once, then the 429 and its countdown',
      command: `curl -s -o /dev/null -D - ${partner.replace('/read', "/read?n='[1-15]'")} -H "Authorization: Bearer $TOKEN" | grep -iE '^(HTTP|ratelimit|retry-after)' | tail -n 8`,
      shows: '429; client-rate with r=0 and the seconds to wait in t, and Retry-After',
    },
    {
      title: 'Why was that refused? The same decision, explained with the line of the file',
      command: `npm run -s bulkhead -- explain POST https://acme.partner.erp.example/json/2/res.users/read --as '{"jwt":{"sub":"edi-acme","scope":"edi.write","tenant":"acme"}}'`,
      shows: 'REFUSE 403 odoo_method_not_allowed at zones/partner.yaml',
    },
    {
      title: 'The question that Traefik asks in ForwardAuth mode',
      command: `curl -si http://${forwardAuth}/auth -H 'X-Forwarded-Method: GET' -H 'X-Forwarded-Proto: https' -H 'X-Forwarded-Host: acme.erp.example' -H 'X-Forwarded-Uri: /odoo' -H 'X-Forwarded-For: 10.20.0.7' | grep -iE '^(HTTP|x-bulkhead)'`,
      shows: '200 with zone, tenant, workload and pool',
    },
    {
      title: 'All of it per zone',
      command: `curl -s http://${admin}/metrics | grep -E '^bulkhead_(requests_total|refusals_total|pool_seats)'`,
      shows: 'requests, refusals and seats, each with its zone',
    },
  ];
}
