import { nearestName } from '../core/nearest-name.ts';
import type { LimitKeyKind } from '../limits/compile.ts';
import { clientKeyOf, encodeKeyPart } from '../limits/key.ts';
import { parseIp } from '../core/ip.ts';

export interface KeySurroundings {
  zone: string;
  /** Of the budget. */
  name: string;
  kind: LimitKeyKind;
  tenants: ReadonlyMap<string, unknown>;
}

const longest = 400;
/** What keys consist of between their slashes. */
const keyPart = /^[A-Za-z0-9._@+=, %~-]+$/;

/**
 * Reads the key of a budget as an operator writes it, which is as logs and refusals show it. A key that nobody can have is
 * a problem (one sentence or two): its budget would look full, and the operator would believe it.
 */
export function readBudgetKey(
  text: string,
  { zone, name, kind, tenants }: KeySurroundings,
): { key: string } | { problem: string } {
  if (text === '' || text.length > longest)
    return { problem: `A key has 1 to ${longest} characters, and this one has ${text.length}.` };
  switch (kind) {
    case 'zone':
      if (text === zone) return { key: text };
      return {
        problem: `Limit ${name} has one budget for the whole zone. Its key is the name of the zone: ${zone}.`,
      };
    case 'client':
      return (
        readClientKey(text) ?? {
          problem: `"${text}" is no client address. Write one such as 192.0.2.7 or 2001:db8::/64.`,
        }
      );
    case 'session':
      // What it is instead is not repeated: it may be the id of a session.
      return /^session-[0-9a-f]{32}$/.test(text) ? { key: text } : (readClientKey(text) ?? noSession);
    case 'tenant':
      return tenants.has(text) ? { key: encodeKeyPart(text) } : unknownTenant(text, tenants);
    case 'principal':
      return readPrincipalKey(text, tenants);
    default:
      return kind satisfies never;
  }
}

const noSession = {
  problem:
    'This is no key of a session. Write it as logs and refusals show it, session- and 32 hexadecimal digits, or the address of a client without one; never the id of a session itself.',
};

/** An address, or the /64 that stands for an IPv6 client. */
function readClientKey(text: string): { key: string } | undefined {
  // What floods of new addresses share, and what is no address.
  if (/^(?:shared-\d{1,4}|unknown)$/.test(text)) return { key: text };
  const address = text.replace(/\/64$/, '');
  return parseIp(address) === undefined ? undefined : { key: clientKeyOf(address) };
}

function readPrincipalKey(
  text: string,
  tenants: ReadonlyMap<string, unknown>,
): { key: string } | { problem: string } {
  const parts = text.split('/');
  const [owner = '', issuer = ''] = parts;
  const ofIssuer = owner === '';
  if (parts.length !== (ofIssuer ? 3 : 2) || parts.at(-1) === '' || (ofIssuer && issuer === '')) {
    return {
      problem: `"${text}" is no key of a caller. Write tenant/caller, or /issuer/caller where there is no tenant; a slash in a name is %2F.`,
    };
  }
  if (!ofIssuer && !tenants.has(owner)) return unknownTenant(owner, tenants);
  return {
    key: parts.map((part) => (part === '' || keyPart.test(part) ? part : encodeKeyPart(part))).join('/'),
  };
}

function unknownTenant(text: string, tenants: ReadonlyMap<string, unknown>): { problem: string } {
  const nearest = nearestName(text, tenants.keys());
  return {
    problem: `There is no tenant "${text}".${nearest === undefined ? '' : ` Did you mean ${nearest}?`}`,
  };
}
