import { describe, expect, it } from 'vitest';
import type { LimitKeyKind } from '../limits/compile.ts';
import { readBudgetKey } from './budget-key.ts';

const tenants = new Map([
  ['acme', {}],
  ['nordfracht', {}],
]);

function read(kind: LimitKeyKind, text: string): string {
  const found = readBudgetKey(text, {
    zone: 'partner',
    name: 'partner/calls',
    kind,
    tenants,
  });
  return 'key' in found ? found.key : found.problem;
}

describe('the key of a budget', () => {
  it.each<[LimitKeyKind, string, string]>([
    ['tenant', 'acme', 'acme'],
    ['tenant', 'acmee', 'There is no tenant "acmee". Did you mean acme?'],
    ['tenant', 'somebody', 'There is no tenant "somebody".'],
    ['tenant', '', 'A key has 1 to 400 characters, and this one has 0.'],
    ['tenant', 'a'.repeat(401), 'A key has 1 to 400 characters, and this one has 401.'],
    ['principal', 'acme/edi-acme', 'acme/edi-acme'],
    ['principal', 'acme/edi acme', 'acme/edi acme'],
    ['principal', 'acme/O=Acme,CN=edi', 'acme/O=Acme,CN=edi'],
    // As the lists show it, and as it is.
    ['principal', 'acme/a%2Fb', 'acme/a%2Fb'],
    ['principal', 'acme/user:7', 'acme/user%3A7'],
    ['principal', '/keycloak/edi', '/keycloak/edi'],
    ['principal', 'acmme/edi', 'There is no tenant "acmme". Did you mean acme?'],
    ...['acme', 'acme/', 'acme/a/b', '/edi', '//edi', '/keycloak/', '/'].map(
      (text): [LimitKeyKind, string, string] => [
        'principal',
        text,
        `"${text}" is no key of a caller. Write tenant/caller, or /issuer/caller where there is no tenant; a slash in a name is %2F.`,
      ],
    ),
    ['zone', 'partner', 'partner'],
    [
      'zone',
      'public',
      'Limit partner/calls has one budget for the whole zone. Its key is the name of the zone: partner.',
    ],
    ['client', '198.51.100.7', '198.51.100.7'],
    ['client', '::ffff:198.51.100.7', '198.51.100.7'],
    ['client', '2001:db8::17', '2001:db8::/64'],
    ['client', '2001:DB8:0::/64', '2001:db8::/64'],
    ['client', 'shared-17', 'shared-17'],
    ['client', 'unknown', 'unknown'],
    [
      'client',
      '198.51.100.0/24',
      '"198.51.100.0/24" is no client address. Write one such as 192.0.2.7 or 2001:db8::/64.',
    ],
    ['client', 'acme', '"acme" is no client address. Write one such as 192.0.2.7 or 2001:db8::/64.'],
    ['session', 'session-748243ffe0de7f2a52481ebe885c5503', 'session-748243ffe0de7f2a52481ebe885c5503'],
    ['session', '2001:db8::17', '2001:db8::/64'],
    ['session', 'shared-17', 'shared-17'],
    ...['session-748243ff', 'SESSION-748243FFE0DE7F2A52481EBE885C5503', 's'.repeat(84)].map(
      (text): [LimitKeyKind, string, string] => [
        'session',
        text,
        'This is no key of a session. Write it as logs and refusals show it, session- and 32 hexadecimal digits, or the address of a client without one; never the id of a session itself.',
      ],
    ),
  ])('of a %s limit, written %j: %s', (kind, text, found) => {
    expect(read(kind, text)).toBe(found);
  });
});
