import type { Facts } from '../../src/core/facts.ts';
import { readJson2 } from '../../src/odoo/read-json2.ts';

/** Facts of a plain request to `path`, with what a test cares about laid over them. */
export function factsOf(path: string, changes: Partial<Facts> = {}): Facts {
  return {
    method: 'POST',
    scheme: 'https',
    host: 'acme.erp.example',
    port: undefined,
    path,
    query: undefined,
    fields: [],
    clientAddress: '192.0.2.1',
    fromTrustedProxy: false,
    clientCertificate: undefined,
    webSocket: false,
    odoo: readJson2(path),
    listener: 'proxy',
    requestId: '00000000000040008000000000000000',
    ...changes,
  };
}
