/** Help text; `docs/cli.md` says more. */
export const usage = `bulkhead: ingress segmentation gateway for Odoo

  bulkhead serve   [--config DIR]                      run the gateway
  bulkhead check   [--config DIR]                      check a configuration; prints every problem
  bulkhead explain [--config DIR] METHOD URL [options] say what would become of a request, and why
      -H, --header 'Name: value'    a header field; may be repeated
      --from ADDRESS                address of the client (default 192.0.2.1)
      --as JSON                     a credential to take for granted, e.g. '{"jwt":{"sub":"edi","scope":"edi.write"}}'
      --at INSTANT                  when it comes, e.g. 2026-12-24T17:00+01:00 (default now); for schedules
      --body TEXT                   body of the request, such as the JSON of an Odoo call
      --json                        one JSON object instead of text
      --batch FILE.ndjson           one request per line ({"request":"GET https://…","headers":{},"from":"…","as":{}})
  bulkhead test    [--config DIR] [--zone NAME]        run the policy tests of the zone files
  bulkhead limits  [--config DIR] [options]            show the limits of a running gateway
  bulkhead limits  refused                             who was refused last, and by which limit
  bulkhead limits  show  LIMIT KEY                     one budget, e.g. partner/partner-rate acme
  bulkhead limits  reset LIMIT KEY                     make a budget full; needs admin.token
  bulkhead limits  grant LIMIT KEY TOKENS              give tokens back, never above full; needs admin.token
      --url URL                     the admin listener (default: that of the configuration)
      --token-file FILE             holds the token (default: BULKHEAD_ADMIN_TOKEN, else that of the configuration)
      --count N                     how many lines refused shows (default 50)
      --json                        the JSON of the admin listener
  bulkhead schema  --out DIR                           write the JSON Schemas of the configuration files
  bulkhead demo    [--free-ports]                      run the gateway with stand-ins for Odoo and an identity provider

The configuration directory is --config, else BULKHEAD_CONFIG, else ./config.
Exit codes: 0 done, 1 the answer is no (a refused configuration, a failed test), 64 wrong usage.
`;
