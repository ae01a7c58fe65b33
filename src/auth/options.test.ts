import { z } from 'zod';
import { describe, expect, it } from 'vitest';
import { assumedCredentialSchema, identifySchema, identitiesSchema } from './options.ts';

const issuer = { name: 'keycloak', issuer: 'https://id.example/realms/erp' };
const algorithmFix =
  'Write one or more of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA.';

function complaints(schema: z.ZodType, value: unknown): [string, string][] {
  const result = schema.safeParse(value);
  return (result.error?.issues ?? []).map(({ path, message }) => [path.join('.'), message]);
}

it('an issuer that says only who it is gets safe defaults', () => {
  expect(identitiesSchema.parse({ issuers: [issuer] })).toEqual({
    issuers: [{ ...issuer, algorithms: ['RS256', 'ES256'], clockSkew: 30_000, scopeClaim: 'scope' }],
    clientAuthorities: [],
  });
});

it('a client authority names callers by their whole subject unless told otherwise', () => {
  expect(
    identitiesSchema.parse({ clientAuthorities: [{ name: 'partners', certificates: 'PEM' }] })
      .clientAuthorities,
  ).toEqual([{ name: 'partners', certificates: 'PEM', subjectFrom: 'subject' }]);
});

describe('an issuer that is wrong is reported', () => {
  it.each<[string, Record<string, unknown>, string, string]>([
    [
      'HS256',
      { algorithms: ['RS256', 'HS256'] },
      'algorithms.1',
      `"HS256" is a symmetric algorithm.\nThe key that checks a token could also sign one, and a published key would let anybody in.\n${algorithmFix}`,
    ],
    [
      'none',
      { algorithms: ['NONE'] },
      'algorithms.0',
      `"NONE" means that a token needs no signature.\nAnybody could write a token for anybody.\n${algorithmFix}`,
    ],
    [
      'rs256',
      { algorithms: ['rs256'] },
      'algorithms.0',
      `"rs256" is not a signature algorithm that can be checked with a public key.\nNo token could be verified with it.\n${algorithmFix}`,
    ],
    [
      'no algorithm',
      { algorithms: [] },
      'algorithms',
      'The list of algorithms is empty.\nEvery token of this issuer would be refused.\nWrite a list such as [RS256, ES256].',
    ],
    [
      'one algorithm that is not in a list',
      { algorithms: 'RS256' },
      'algorithms',
      '"RS256" is not a list of algorithms.\nNo token could be verified.\nWrite a list such as [RS256, ES256].',
    ],
    [
      'a large skew',
      { clockSkew: '10m' },
      'clockSkew',
      '"600s" of clock skew is more than 5m.\nTokens would be accepted long after they expired.\nWrite at most 5m, and correct the clocks instead.',
    ],
    ...[
      'id.example',
      'ftp://id.example',
      'https://',
      'https://id.example/?x',
      'https://user:pw@id.example',
    ].map((url): [string, Record<string, unknown>, string, string] => [
      url,
      { issuer: url },
      'issuer',
      `"${url}" is not a URL.\nThe gateway could not tell which provider is meant.\nWrite an absolute URL such as https://id.example/realms/erp.`,
    ]),
    [
      'an empty claim path',
      { tenantClaim: [] },
      'tenantClaim',
      '"[]" is not the name of a claim or a list of names.\nThe gateway could not find the claim in a token.\nWrite a claim such as tenant, or a path into nested claims such as [realm_access, roles].',
    ],
  ])('%s', (_, settings, path, message) => {
    const found = complaints(identitiesSchema, { issuers: [{ ...issuer, ...settings }] });
    expect(found).toContainEqual([`issuers.0.${path}`, message]);
    expect(new Set(found.map(([place]) => place)).size).toBe(1);
  });
});

describe('identify', () => {
  it.each<[string, unknown, unknown]>([
    ['none', 'none', 'none'],
    [
      'a token with one audience',
      { any: [{ jwt: { issuer: 'k', audience: 'a' } }] },
      { any: [{ jwt: { issuer: 'k', audience: 'a', scopes: [] } }] },
    ],
    [
      'a token with scopes, or a certificate',
      { any: [{ jwt: { issuer: 'k', audience: ['a', 'b'], scopes: ['s'] } }, { clientCert: { ca: 'c' } }] },
      { any: [{ jwt: { issuer: 'k', audience: ['a', 'b'], scopes: ['s'] } }, { clientCert: { ca: 'c' } }] },
    ],
  ])('may be %s', (_, authored, read) => {
    expect(identifySchema.parse(authored)).toEqual(read);
  });

  it('may not be an empty list, which would let nobody in', () => {
    expect(complaints(identifySchema, { any: [] })).toEqual([
      [
        'any',
        'The list of credentials is empty.\nNobody could enter the zone.\nWrite at least one jwt or clientCert entry, or identify: none.',
      ],
    ]);
  });

  it('may not be another word', () => {
    expect(complaints(identifySchema, 'nobody')).toEqual([
      [
        '',
        '"nobody" is not a way to identify callers.\nThe gateway would not know whom to let in.\nWrite none to leave identification to Odoo, or { any: [ … ] } with jwt or clientCert entries.',
      ],
    ]);
  });
});

describe('an assumed credential', () => {
  it('keeps every claim that is written', () => {
    const authored = { jwt: { sub: 'edi', aud: ['a'], realm_access: { roles: ['r'] } } };
    expect(assumedCredentialSchema.parse(authored)).toEqual(authored);
  });

  it('is not a certificate without a readable subject', () => {
    expect(complaints(assumedCredentialSchema, { clientCert: { subject: 'edi' } })).toEqual([
      [
        'clientCert.subject',
        '"edi" is not a distinguished name.\nThe test would not say who calls.\nWrite a name such as "CN=edi,O=acme".',
      ],
    ]);
  });
});

it('every key of the sections is described, and the sections have a JSON Schema', () => {
  const undescribed: string[] = [];
  const visit = (node: unknown, place: string): void => {
    if (typeof node !== 'object' || node === null) return;
    const properties = (node as { properties?: Record<string, { description?: string }> }).properties ?? {};
    for (const [key, property] of Object.entries(properties)) {
      if (property.description === undefined) undescribed.push(`${place}.${key}`);
    }
    for (const [key, child] of Object.entries(node)) visit(child, `${place}/${key}`);
  };
  for (const schema of [identitiesSchema, identifySchema, assumedCredentialSchema]) {
    visit(z.toJSONSchema(schema, { io: 'input' }), '');
  }
  expect(undescribed).toEqual([]);
});
