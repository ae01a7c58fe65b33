import { z } from 'zod';
import { choiceSchema, durationSchema, nameSchema, quoted, textSchema, unreadable } from '../core/schema.ts';
import { parseDistinguishedName } from './distinguished-name.ts';

/** The section `identities.yaml`, the zone key `identify` and the test key `as`, as a user writes them. */

export const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type Algorithm = (typeof algorithms)[number];

const maxClockSkewMs = 300_000;

const urlError = unreadable(
  'a URL',
  'The gateway could not tell which provider is meant.',
  'Write an absolute URL such as https://id.example/realms/erp.',
);
// Issuer URLs have neither query nor fragment: OpenID Connect Discovery 1.0 §3.
const issuerUrlSchema = z
  .string({ error: urlError })
  .regex(/^https?:\/\/[^\s?#]+$/, { error: urlError })
  .refine(isFetchable, { error: urlError });
const jwksUrlSchema = z
  .string({ error: urlError })
  .regex(/^https?:\/\/[^\s#]+$/, { error: urlError })
  .refine(isFetchable, { error: urlError });

const algorithmSchema = z.enum(algorithms, {
  error: ({ input }) => {
    const fix = `Write one or more of ${algorithms.join(', ')}.`;
    if (typeof input === 'string' && /^none$/i.test(input))
      return `${quoted(input)} means that a token needs no signature.\nAnybody could write a token for anybody.\n${fix}`;
    if (typeof input === 'string' && /^HS\d+$/i.test(input))
      return `${quoted(input)} is a symmetric algorithm.\nThe key that checks a token could also sign one, and a published key would let anybody in.\n${fix}`;
    return `${quoted(input)} is not a signature algorithm that can be checked with a public key.\nNo token could be verified with it.\n${fix}`;
  },
});

const claimNameSchema = textSchema('the name of a claim', 'Write a claim such as tenant.');
const claimError = unreadable(
  'the name of a claim or a list of names',
  'The gateway could not find the claim in a token.',
  'Write a claim such as tenant, or a path into nested claims such as [realm_access, roles].',
);
/** One name is taken literally, dots included (`https://erp.example/tenant` is a usual claim name); a list walks down. */
const claimSchema = z.union([claimNameSchema, z.array(claimNameSchema).min(1, { error: claimError })], {
  error: claimError,
});

const issuerSchema = z.strictObject({
  name: nameSchema.describe('Name by which zones refer to this issuer.'),
  issuer: issuerUrlSchema.describe('Exact text of the iss claim, an http or https URL.'),
  jwks: jwksUrlSchema
    .optional()
    .describe(
      'Where the public keys are; without it they are found by OpenID discovery at <issuer>/.well-known/openid-configuration.',
    ),
  algorithms: z
    .array(algorithmSchema, {
      error: unreadable(
        'a list of algorithms',
        'No token could be verified.',
        'Write a list such as [RS256, ES256].',
      ),
    })
    .min(1, {
      error: () =>
        'The list of algorithms is empty.\nEvery token of this issuer would be refused.\nWrite a list such as [RS256, ES256].',
    })
    .prefault(['RS256', 'ES256'])
    .describe('Signature algorithms that tokens of this issuer may use.'),
  clockSkew: durationSchema
    .refine((ms) => ms <= maxClockSkewMs, {
      error: ({ input }) =>
        `${quoted(`${Number(input) / 1000}s`)} of clock skew is more than 5m.\nTokens would be accepted long after they expired.\nWrite at most 5m, and correct the clocks instead.`,
    })
    .prefault('30s')
    .describe('How far the clocks of issuer and gateway may differ; at most 5m.'),
  tenantClaim: claimSchema
    .optional()
    .describe('Claim that names the tenant; a list of names is a path into nested claims.'),
  scopeClaim: claimSchema
    .prefault('scope')
    .describe('Claim that holds the scopes, as a space-separated text or a list of texts.'),
  type: textSchema('a token type', 'Write a type such as at+jwt.')
    .optional()
    .describe('Required typ of the token header, e.g. at+jwt, so that an ID token is no access token.'),
});

const attributes = ['subject.CN', 'subject.O', 'subject.OU', 'san.dns', 'san.uri'] as const;
export type CertificateAttribute = (typeof attributes)[number];

const authoritySchema = z.strictObject({
  name: nameSchema.describe('Name by which zones refer to this authority.'),
  certificates: textSchema(
    'PEM text',
    'Write ${file:/run/secrets/partner-ca.pem} to read the certificates from a file.',
  ).describe('One or more CA certificates in PEM; normally ${file:…}.'),
  tenantFrom: choiceSchema(attributes, 'The tenant of a certificate could not be told.')
    .optional()
    .describe('Which part of the client certificate names the tenant.'),
  subjectFrom: choiceSchema(['subject', ...attributes], 'Two callers could not be told apart.')
    .prefault('subject')
    .describe(
      'Which part of the client certificate names the caller; subject is the whole distinguished name, which alone is sure to be unique.',
    ),
});

/** `identities.yaml`: who may vouch for a caller. */
export const identitiesSchema = z.strictObject({
  issuers: z
    .array(issuerSchema, {
      error: unreadable('a list of issuers', 'No token could be verified.', 'Start each issuer with a dash.'),
    })
    .default([])
    .describe('Issuers of JSON Web Tokens.'),
  clientAuthorities: z
    .array(authoritySchema, {
      error: unreadable(
        'a list of client authorities',
        'No client certificate could be verified.',
        'Start each authority with a dash.',
      ),
    })
    .default([])
    .describe('Certificate authorities that vouch for client certificates.'),
});
export type IdentitiesSection = z.output<typeof identitiesSchema>;

const audienceError = unreadable(
  'an audience',
  'Tokens that were issued for other services would be accepted or all refused.',
  'Write the aud value that the issuer gives to tokens for this gateway, or a list of them.',
);
const audienceTextSchema = z.string({ error: audienceError }).min(1, { error: audienceError });

const jwtAlternativeSchema = z.strictObject({
  issuer: nameSchema.describe('Name of an issuer in identities.yaml.'),
  audience: z
    .union([audienceTextSchema, z.array(audienceTextSchema).min(1, { error: audienceError })], {
      error: audienceError,
    })
    .describe('Accepted aud values; the token must have one of them.'),
  scopes: z
    .array(
      z
        .string({
          error: unreadable('a scope', 'It could never be granted.', 'Write a word such as edi.write.'),
        })
        .regex(/^[^\s]+$/, {
          error: unreadable(
            'a scope',
            'Scopes are separated by blanks, so it could never be granted.',
            'Write each scope as an entry of its own.',
          ),
        }),
      {
        error: unreadable(
          'a list of scopes',
          'No scope would be required.',
          'Write a list such as [edi.write].',
        ),
      },
    )
    .default([])
    .describe('Scopes that the token must have, all of them.'),
});

const clientCertAlternativeSchema = z.strictObject({
  ca: nameSchema.describe('Name of a client authority in identities.yaml.'),
});

// One optional key per kind of credential, of which exactly one is written (compile.ts looks after that): a union with an
// object per kind would report "no branch fits" instead of the key that is wrong.
const alternativeSchema = z.strictObject(
  {
    jwt: jwtAlternativeSchema.optional().describe('A bearer token of an issuer.'),
    clientCert: clientCertAlternativeSchema.optional().describe('A client certificate of an authority.'),
  },
  {
    error: ({ code, input }) =>
      code === 'invalid_type'
        ? `${quoted(input)} is not a way to identify.\nThe gateway would not know which credential to check.\nWrite for example { jwt: { issuer: keycloak, audience: bulkhead } }.`
        : undefined,
  },
);

const identifyError = unreadable(
  'a way to identify callers',
  'The gateway would not know whom to let in.',
  'Write none to leave identification to Odoo, or { any: [ … ] } with jwt or clientCert entries.',
);

/** The zone key `identify`. */
export const identifySchema = z
  .union(
    [
      z.literal('none', { error: identifyError }),
      z.strictObject({
        any: z
          .array(alternativeSchema, { error: identifyError })
          .min(1, {
            error: () =>
              'The list of credentials is empty.\nNobody could enter the zone.\nWrite at least one jwt or clientCert entry, or identify: none.',
          })
          .describe('Credentials of which one is enough.'),
      }),
    ],
    { error: identifyError },
  )
  .describe('How callers are identified; none leaves it to Odoo.');
export type IdentifySection = z.output<typeof identifySchema>;

const noCaller = 'The test would not say who calls.';

/** The key `as` of a policy test, and of `explain`: a credential whose signature is taken for granted. */
export const assumedCredentialSchema = z
  .strictObject(
    {
      jwt: z
        .looseObject({
          sub: textSchema('a subject', 'Write a subject such as edi-acme.').describe('The caller.'),
        })
        .optional()
        .describe(
          'Claims of a token. iss (text or configured name) and aud are what the rule asks for unless written; exp is an hour ahead.',
        ),
      clientCert: z
        .strictObject({
          subject: z
            .string({
              error: unreadable('a distinguished name', noCaller, 'Write a name such as "CN=edi,O=acme".'),
            })
            .refine((text) => parseDistinguishedName(text) !== undefined, {
              error: unreadable('a distinguished name', noCaller, 'Write a name such as "CN=edi,O=acme".'),
            })
            .describe('Subject of the certificate as RFC 4514 text.'),
          san: z
            .strictObject({
              dns: z.array(z.string()).default([]).describe('DNS names.'),
              uri: z.array(z.string()).default([]).describe('URIs.'),
            })
            .optional()
            .describe('Subject alternative names.'),
          ca: z
            .string()
            .optional()
            .describe('Name of the authority; the one that the rule asks for unless written.'),
        })
        .optional()
        .describe('A client certificate.'),
    },
    {
      error: ({ code, input }) =>
        code === 'invalid_type'
          ? unreadable('a credential', noCaller, 'Write for example { jwt: { sub: edi-acme } }.')({ input })
          : undefined,
    },
  )
  .describe('Who calls: a credential whose signature is taken for granted.');
export type AssumedCredential = z.output<typeof assumedCredentialSchema>;

// Credentials in a URL are refused by fetch, and have no place in a configuration file.
function isFetchable(text: string): boolean {
  return URL.canParse(text) && new URL(text).username === '' && new URL(text).password === '';
}
