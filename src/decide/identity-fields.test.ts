import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Asked, openScene, requestId } from '../../test/support/decision-scene.ts';
import type { Principal } from '../core/principal.ts';
import { identityFieldNames, isOurs, pushIdentityFields } from './identity-fields.ts';
import type { Inquiry } from './inquiry.ts';
import type { CompiledZone } from './snapshot.ts';

const zoneOf = (name: string, identify: string) => `zone: ${name}
match: Host(\`{tenant}.${name}.example\`)
identify: ${identify}
tenant: { from: [host] }
pools: { interactive: people }
`;
const byToken = '{ any: [jwt: { issuer: keycloak, audience: bulkhead }] }';
const scene = openScene({
  staff: zoneOf('staff', 'none'),
  partner: zoneOf('partner', byToken),
  passing: `${zoneOf('passing', byToken)}headers: { passAuthorization: true }\n`,
  open: 'zone: open\nmatch: Host(`open.example`)\nidentify: none\npools: { interactive: people }\n',
});
const as = { jwt: { sub: 'edi-acme', tenant: 'acme' } };
const call = '/json/2/stock.picking/read';

/** The inquiry behind an admitted request. */
function inquiryOf(request: string, asked: Asked = {}): Inquiry {
  const decided = scene.live(`POST https://${request}`, asked);
  if (decided instanceof Promise || decided.decision.decision !== 'allow') throw new Error('not admitted');
  return decided.inquiry;
}

function fieldsOf(inquiry: Inquiry): Record<string, string> {
  const fields: string[] = [];
  pushIdentityFields(fields, inquiry);
  const names = fields.filter((_, i) => i % 2 === 0);
  expect(new Set(names).size, 'each field stands once').toBe(names.length);
  return Object.fromEntries(names.map((name, i) => [name, fields[2 * i + 1] ?? '']));
}

const told = (request: string, asked?: Asked) => fieldsOf(inquiryOf(request, asked));

describe('the fields by which Odoo is told who called', () => {
  it('name zone, workload, tenant, principal and database, and carry the key of Odoo', () => {
    expect(told(`acme.partner.example${call}`, { as })).toEqual({
      authorization: 'Bearer key-of-acme',
      'x-bulkhead-zone': 'partner',
      'x-bulkhead-workload': 'interactive',
      'x-request-id': requestId,
      'x-bulkhead-tenant': 'acme',
      'x-odoo-database': 'acme_db',
      'x-bulkhead-principal': 'edi-acme',
    });
  });

  it('are few where nobody is identified and no tenant is known', () => {
    expect(told('open.example/')).toEqual({
      'x-bulkhead-zone': 'open',
      'x-bulkhead-workload': 'interactive',
      'x-request-id': requestId,
    });
  });

  it('are all among those that a surface removes first', () => {
    for (const request of [`acme.partner.example${call}`, `acme.passing.example${call}`]) {
      for (const name of Object.keys(told(request, { as }))) expect(identityFieldNames).toContain(name);
    }
    expect(identityFieldNames.filter((name) => !isOurs(name))).toEqual([]);
  });
});

describe('Authorization', () => {
  const headers = { Authorization: 'Bearer of-the-client' };
  const token = 'Bearer of-the-client';
  const key = 'Bearer key-of-acme';

  it.each<[string, string, Asked, string | undefined]>([
    [
      'of a zone that takes tokens is the key, on JSON-2',
      `acme.partner.example${call}`,
      { headers, as },
      key,
    ],
    [
      'of a zone that takes tokens ends here elsewhere',
      'acme.partner.example/odoo',
      { headers, as },
      undefined,
    ],
    [
      'of a tenant without a key ends here',
      `globex.partner.example${call}`,
      { headers, as: { jwt: { sub: 's', tenant: 'globex' } } },
      undefined,
    ],
    ['of a zone that passes it goes on', `acme.passing.example${call}`, { headers, as }, token],
    ['of a zone that passes it goes on elsewhere too', 'acme.passing.example/odoo', { headers, as }, token],
    [
      'of a zone that passes it is the key where the client sent none',
      `acme.passing.example${call}`,
      { as },
      key,
    ],
    [
      'of a zone without identification belongs to Odoo and goes on',
      `acme.staff.example${call}`,
      { headers },
      token,
    ],
    ['of a caller whom nobody knows is never the key', `acme.staff.example${call}`, {}, undefined],
  ])('%s', (_title, request, asked, value) => {
    expect(told(request, asked)['authorization']).toBe(value);
  });

  it.each([
    ['goes on where the caller is known by a certificate', headers, token],
    ['is the key where the caller is known by a certificate and sent none', {}, key],
  ])('%s', (_title, sent, value) => {
    const inquiry = inquiryOf(`acme.staff.example${call}`, { headers: sent });
    const authority = {
      name: 'partners',
      anchors: [],
      tenantFrom: undefined,
      subjectFrom: 'subject',
    } as const;
    const identify: CompiledZone['identify'] = {
      alternatives: [{ kind: 'clientCert', at: '', authority }],
      at: '',
    };
    inquiry.zone = { ...inquiry.governing, identify };
    inquiry.principal = {
      kind: 'clientCert',
      subject: 'CN=edi',
      issuer: 'partners',
      scopes: [],
      tenant: undefined,
    };
    expect(fieldsOf(inquiry)['authorization']).toBe(value);
  });
});

describe('X-Odoo-Database', () => {
  const rpc = (service: string, method: string, ...args: unknown[]) => ({
    params: { service, method, args },
  });
  const read = rpc('object', 'execute_kw', 'acme_db', 7, 'key', 'res.partner', 'read', [[1]]);

  it.each<[string, string, string | undefined, string | undefined, unknown?]>([
    ['a JSON-2 call', call, undefined, 'acme_db'],
    ['a JSON-2 call with other cookies', call, 'frontend_lang=de_DE; tz=x', 'acme_db'],
    ['a JSON-2 call with a session, which has its own database', call, 'session_id=abc', undefined],
    ['a JSON-2 call with a session among other cookies', call, 'tz=x; session_id=abc', undefined],
    ['a page', '/odoo', undefined, undefined],
    ['a JSON-RPC call', '/jsonrpc', undefined, 'acme_db', read],
    ['a JSON-RPC call with a session', '/jsonrpc', 'session_id=abc', undefined, read],
    ['a login by JSON-RPC', '/jsonrpc', undefined, 'acme_db', rpc('common', 'login', 'acme_db', 'u', 'p')],
    ["a call of Odoo's own client", '/web/dataset/call_kw', undefined, undefined, { params: {} }],
  ])('of %s: %s', (_title, path, cookie, database, body) => {
    const headers = { 'X-Odoo-Database': 'acme_db', ...(cookie !== undefined && { Cookie: cookie }) };
    expect(told(`acme.staff.example${path}`, { headers, body })['x-odoo-database']).toBe(database);
  });
});

describe('X-Bulkhead-Principal', () => {
  const named = (subject: string): string => {
    const inquiry = inquiryOf('open.example/');
    const principal: Principal = { kind: 'jwt', subject, issuer: 'i', scopes: [], tenant: undefined };
    inquiry.principal = principal;
    return fieldsOf(inquiry)['x-bulkhead-principal'] ?? '';
  };

  it.each([
    ['edi-acme', 'edi-acme'],
    ['edi@acme.example', 'edi@acme.example'],
    ['CN=edi,O=acme', 'CN=edi,O=acme'],
    ['Jörg', 'J%C3%B6rg'],
    ['a b', 'a%20b'],
    ['100%', '100%25'],
    ['%41', '%2541'],
    ['a\r\nx-bulkhead-tenant: globex', 'a%0D%0Ax-bulkhead-tenant:%20globex'],
    ['\u0000', '%00'],
    ['"', '%22'],
    ['\ud800', '%EF%BF%BD'],
    ['', ''],
  ])('of %j is %s', (subject, value) => {
    expect(named(subject)).toBe(value);
  });

  it('is plain ASCII without blanks, and can be read back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (subject) => {
        const value = named(subject);
        expect(value).toMatch(/^[!-~]*$/);
        expect(decodeURIComponent(value)).toBe(subject.toWellFormed());
      }),
    );
  });
});

describe('isOurs', () => {
  it.each([
    'authorization',
    'connection',
    'content-length',
    'expect',
    'forwarded',
    'host',
    'http2-settings',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'traceparent',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'x-original-url',
    'x-real-ip',
    'x-request-id',
    'x-rewrite-url',
    'x-forwarded',
    'x-forwarded-for',
    'x-forwarded-tls-client-cert',
    'x-forwardedfor',
    'x-bulkhead-zone',
    'x-bulkhead-anything',
    'x-odoo-database',
    'x-odoo-dbfilter',
    'x-openerp-dbfilter',
    'sec-websocket-key',
    // What Python turns into a CGI variable has the same name as the spelling with dashes.
    'x_forwarded_for',
    'x-bulkhead_tenant',
    'x_odoo_database',
    'content_length',
  ])('%s', (name) => {
    expect(isOurs(name)).toBe(true);
  });

  it.each([
    'cookie',
    'stripe-signature',
    'x-hub-signature-256',
    'x-forward',
    'x-bulk',
    'sec-fetch-site',
    'accept',
  ])('but not %s', (name) => {
    expect(isOurs(name)).toBe(false);
  });
});
