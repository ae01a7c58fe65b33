/** Help text; `docs/cli.md` says more. */
export const usage = `bulkhead: ingress segmentation gateway for Odoo

  bulkhead serve   [--config DIR]                      run the gateway
  bulkhead check   [--config DIR]                      check a configuration; prints every problem
  bulkhead explain [--config DIR] METHOD URL [options] say what would become of a request, and why
      -H, --header 'Name: value'    a header field; may be repeated
      --from ADDRESS                address of the client (default 192.0.2.1)
      --as JSON                     a credential to take for granted, e.g. '{"jwt":{"sub":"edi","scope":"edi.write"}}'
      --json                        one JSON object instead of text
      --batch FILE.ndjson           one request per line ({"request":"GET https://…","headers":{},"from":"…","as":{}})
  bulkhead test    [--config DIR] [--zone NAME]        run the policy tests of the zone files
  bulkhead schema  --out DIR                           write the JSON Schemas of the configuration files
  bulkhead demo    [--free-ports]                      run the gateway with stand-ins for Odoo and an identity provider

The configuration directory is --config, else BULKHEAD_CONFIG, else ./config.
Exit codes: 0 done, 1 the answer is no (a refused configuration, a failed test), 64 wrong usage.
`;
