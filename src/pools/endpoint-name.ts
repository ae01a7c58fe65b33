import { quoted } from '../core/schema.ts';
import { type UrlFault, parseEndpointUrl } from './endpoint-url.ts';

/** A host name and a port in canonical form, or what is wrong with the text. */
export type ParsedEndpointName = { host: string; port: number } | { fault: UrlFault };

const address = /^(\[.*\]|\d+(\.\d+){3})$/;

/** Reads `host:port`, the host being a name that can be looked up. */
export function parseEndpointName(text: string): ParsedEndpointName {
  if (text.includes('://')) {
    return fault(
      `${quoted(text)} is a URL.`,
      'A name would be looked up that does not exist.',
      'Write the name and the port alone, such as odoo.erp.svc:8069, or write url: for one fixed endpoint.',
    );
  }
  const parsed = parseEndpointUrl(`http://${text}`);
  if ('fault' in parsed) {
    return fault(
      `${quoted(text)} is not a host name with a port.`,
      'No endpoint would be found under it.',
      'Write a host name and a port, such as odoo.erp.svc:8069.',
    );
  }
  const authority = parsed.url.slice('http://'.length);
  const colon = authority.lastIndexOf(':');
  const host = authority.slice(0, colon);
  if (address.test(host)) {
    return fault(
      `${quoted(text)} is an address.`,
      'There is nothing to look up.',
      `Write url: ${parsed.url} in place of dns.`,
    );
  }
  return { host, port: Number(authority.slice(colon + 1)) };
}

function fault(what: string, consequence: string, fix: string): ParsedEndpointName {
  return { fault: { what, consequence, fix } };
}
