import { quoted } from '../core/schema.ts';

/** What is wrong with an endpoint URL, in the three sentences of an issue. */
export interface UrlFault {
  what: string;
  consequence: string;
  fix: string;
}

/** The origin in canonical form, or what is wrong with the text. */
export type ParsedEndpointUrl = { url: string } | { fault: UrlFault };

const dnsName = /^(?!.*[.-]{2})[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/;
const ipv6 = /^\[[0-9a-f:.]{2,45}\]$/;
const example = 'Write http:// with a host and a port, such as http://odoo-1:8069.';

/**
 * Reads `http://host:port`. Nothing else is taken, and nothing is repaired: each further part that `new URL` would accept
 * (path, user, default port, octal addresses) is one that an operator would expect to have an effect.
 */
export function parseEndpointUrl(text: string): ParsedEndpointUrl {
  // First of all, and without quoting the text: no other message may show a password.
  if (text.includes('@')) {
    return fault(
      'The endpoint URL holds a user name or a password.',
      'Odoo would not read it, and it would appear in logs and metrics.',
      example,
    );
  }
  const lower = text.toLowerCase();
  if (lower.startsWith('https://')) {
    return fault(
      `${quoted(text)} is an https URL.`,
      'Odoo serves plain HTTP, so every connection would fail.',
      'Write http:// and the port of Odoo, or of a TLS side car beside the gateway.',
    );
  }
  if (!lower.startsWith('http://')) {
    return fault(
      `${quoted(text)} is not an http URL.`,
      'The gateway would not know how to connect.',
      example,
    );
  }
  const rest = lower.slice('http://'.length);
  const end = rest.search(/[/?#]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  if (end !== -1) {
    return fault(
      `${quoted(text)} has a path, a query or a fragment.`,
      'It would be ignored: the path that the zone rules judged is the path that Odoo gets.',
      `Write ${quoted(`http://${authority}`)}.`,
    );
  }
  const colon = authority.lastIndexOf(':');
  const host = colon === -1 || authority.endsWith(']') ? authority : authority.slice(0, colon);
  if (host === authority) {
    return fault(
      `${quoted(text)} names no port.`,
      'The gateway would connect to port 80, where Odoo does not listen by default.',
      `Write the port, such as ${quoted(`http://${host}:8069`)}.`,
    );
  }
  const port = authority.slice(colon + 1);
  if (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65_535) {
    return fault(
      `${quoted(port)} is not a port.`,
      'The gateway could not connect.',
      'Write a port from 1 to 65535, such as 8069.',
    );
  }
  if (!dnsName.test(host) && !ipv6.test(host)) {
    return fault(
      `${quoted(host)} is not a host name or an address.`,
      'The gateway could not find the endpoint.',
      'Write a host name, an IPv4 address, or an IPv6 address in brackets.',
    );
  }
  return { url: `http://${host}:${port}` };
}

function fault(what: string, consequence: string, fix: string): ParsedEndpointUrl {
  return { fault: { what, consequence, fix } };
}
