import { describe, expect, it } from 'vitest';
import { checkAllow } from './check-allow.ts';
import { zoneSchema } from './schema.ts';

const read = { model: 'sale.order', methods: ['read'] };
const tenants = new Set(['acme', 'nordfracht']);

function check(section: object) {
  const options = zoneSchema.parse({
    zone: 'z',
    match: 'Host(`z.example`)',
    identify: { any: [{ jwt: { issuer: 'keycloak', audience: 'bulkhead' } }] },
    tenant: { from: ['host'] },
    pools: { interactive: 'people' },
    ...section,
  });
  return checkAllow(options, tenants).map(
    ({ path, what, consequence, fix }) => `${path.join('.')}: ${what} ${consequence} ${fix}`,
  );
}

describe('a list of allowed calls', () => {
  it.each<[string, object]>([
    [
      'with all of it',
      { allow: { odoo: [{ ...read, scopes: ['a'], tenants: ['acme'], tiers: ['shared'] }] } },
    ],
    ['and no body that passes unread', { allow: { odoo: [read] }, odoo: { unreadable: 'refuse' } }],
  ])('%s goes together', (_title, section) => {
    expect(check(section)).toEqual([]);
  });

  it.each<[string, object, string]>([
    [
      'and bodies that pass unread',
      { allow: { odoo: [read] }, odoo: { unreadable: 'pass' } },
      'odoo.unreadable: "unreadable" is "pass", but the zone has a list of allowed calls. Whoever makes the body of a call too large to be read would get past the list. Write unreadable: refuse, or leave the key out.',
    ],
    [
      'with scopes where nobody has any',
      { identify: 'none', allow: { odoo: [read, { ...read, scopes: ['a'] }] } },
      'allow.odoo.1.scopes: The entry asks for scopes, but the zone takes no tokens. Nobody could have them, so the entry would allow nothing. Add a jwt under identify, or leave scopes out.',
    ],
    [
      'with tenants where there are none',
      { tenant: undefined, allow: { odoo: [{ ...read, tenants: ['acme'] }] } },
      'allow.odoo.0.tenants: The entry is for some tenants only, but the zone has no tenant. It would allow nothing. Add tenant: { from: [host] }, or leave tenants out.',
    ],
    [
      'with tiers where there is no tenant',
      { tenant: undefined, allow: { odoo: [{ ...read, tiers: ['shared'] }] } },
      'allow.odoo.0.tiers: The entry is for some tiers only, but the zone has no tenant. It would allow nothing. Add tenant: { from: [host] }, or leave tiers out.',
    ],
    [
      'with a misspelt tenant',
      { allow: { odoo: [{ ...read, tenants: ['acme', 'nordfrahct'] }] } },
      'allow.odoo.0.tenants.1: "nordfrahct" is not a tenant. The entry would allow it nothing. Write nordfracht if that is meant, or add "nordfrahct" to tenants.yaml.',
    ],
    [
      'with a tenant that is nobody',
      { allow: { odoo: [{ ...read, tenants: ['zzzzzzzzzz'] }] } },
      'allow.odoo.0.tenants.0: "zzzzzzzzzz" is not a tenant. The entry would allow it nothing. Write the id of a tenant in tenants.yaml, or add it there.',
    ],
  ])('%s does not go together', (_title, section, message) => {
    expect(check(section)).toEqual([message]);
  });

  it('is not blamed for a tenant file that is broken', () => {
    const options = zoneSchema.parse({
      zone: 'z',
      match: 'Host(`z.example`)',
      identify: 'none',
      tenant: { from: ['host'] },
      allow: { odoo: [{ ...read, tenants: ['nobody'] }] },
      pools: { interactive: 'people' },
    });
    expect(checkAllow(options, undefined)).toEqual([]);
  });
});

it('a zone without a list may let bodies pass unread', () => {
  expect(check({ odoo: { unreadable: 'pass' } })).toEqual([]);
});
