import { describe, expect, test } from 'vitest';
import type { Alternative } from '../auth/compile.ts';
import { canonicalise } from '../decide/canonicalise.ts';
import type { Effects } from '../decide/effects.ts';
import { Inquiry } from '../decide/inquiry.ts';
import type { CompiledZone, Snapshot } from '../decide/snapshot.ts';
import type { RegisteredTenant } from '../tenants/registry.ts';
import { upstreamFields } from './request-fields.ts';

const requestId = '11111111222243338444555555555555';

interface Case {
  method?: string;
  target?: string;
  fields?: string[];
  host?: string;
  pass?: string[];
  passAuthorization?: boolean;
  /** Whether the zone takes tokens. */
  takesTokens?: boolean;
  tenant?: Partial<RegisteredTenant>;
  subject?: string;
}

/** An inquiry as it stands when a request of this kind is forwarded. */
function allowed(request: Case): Inquiry {
  const { method = 'GET', target = '/odoo', fields = [], host = 'acme.erp.example' } = request;
  const head = {
    method,
    target,
    fields: ['host', host, ...fields],
    peerAddress: '198.51.100.7',
    scheme: 'http',
    listener: 'proxy',
    requestId,
    forwardedByPeer: false,
  } as const;
  const inquiry = new Inquiry(head, {} as Snapshot, {} as Effects);
  const facts = canonicalise(head, []);
  if (typeof facts === 'string') throw new Error(facts);
  inquiry.facts = facts;
  inquiry.zone = {
    name: 'employee',
    identify: { alternatives: request.takesTokens === true ? [{ kind: 'jwt' } as Alternative] : [] },
    forwarding: { passAuthorization: request.passAuthorization ?? false, passFields: request.pass ?? [] },
  } as unknown as CompiledZone;
  inquiry.workload = 'interactive';
  if (request.tenant !== undefined) {
    inquiry.tenant = {
      id: 'acme',
      tier: 'shared',
      database: 'acme',
      odooApiKey: undefined,
      ...request.tenant,
    };
  }
  if (request.subject !== undefined) {
    inquiry.principal = { kind: 'jwt', subject: request.subject, issuer: 'keycloak' } as NonNullable<
      Inquiry['principal']
    >;
  }
  return inquiry;
}

/** The values of each field that goes upstream. */
function sent(request: Case): Record<string, string[]> {
  const flat = upstreamFields(allowed(request));
  const fields: Record<string, string[]> = {};
  for (let i = 0; i < flat.length; i += 2) (fields[flat[i] ?? ''] ??= []).push(flat[i + 1] ?? '');
  return fields;
}

const ours = [
  'host',
  'traceparent',
  'x-bulkhead-workload',
  'x-bulkhead-zone',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
];

/** Names beside those that every request has. */
const beside = (request: Case): string[] =>
  Object.keys(sent(request))
    .filter((name) => !ours.includes(name))
    .toSorted();

describe('the fields that Odoo gets', () => {
  test('always say exactly once who asks, for what host, and in which zone', () => {
    expect(sent({ host: 'ACME.erp.example.:8443' })).toEqual({
      host: ['acme.erp.example:8443'],
      'x-forwarded-for': ['198.51.100.7'],
      'x-forwarded-host': ['acme.erp.example:8443'],
      'x-forwarded-proto': ['http'],
      traceparent: [expect.stringMatching(/^00-11111111222243338444555555555555-[0-9a-f]{16}-00$/)],
      'x-bulkhead-zone': ['employee'],
      'x-bulkhead-workload': ['interactive'],
      'x-request-id': [requestId],
    });
  });

  test('hold what browsers and Odoo clients say to Odoo', () => {
    const names = [
      'accept',
      'accept-encoding',
      'accept-language',
      'access-control-request-headers',
      'access-control-request-method',
      'cache-control',
      'content-encoding',
      'content-language',
      'content-type',
      'cookie',
      'dnt',
      'from',
      'if-match',
      'if-modified-since',
      'if-none-match',
      'if-range',
      'if-unmodified-since',
      'origin',
      'pragma',
      'priority',
      'range',
      'referer',
      'sec-ch-ua',
      'sec-fetch-dest',
      'sec-fetch-mode',
      'sec-fetch-site',
      'sec-fetch-user',
      'tracestate',
      'upgrade-insecure-requests',
      'user-agent',
      'x-csrf-token',
      'x-csrftoken',
      'x-requested-with',
    ];
    expect(beside({ fields: names.flatMap((name) => [name, 'v']) })).toEqual(names);
  });

  test.each([
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-prefix',
    'x-forwarded-port',
    'x-forwarded-uri',
    'x-forwarded-method',
    'x-forwarded-server',
    'x-forwarded-tls-client-cert',
    'x-forwarded-tls-client-cert-info',
    'forwarded',
    'x-real-ip',
    'x-original-url',
    'x-rewrite-url',
    'x-request-id',
    'x-bulkhead-zone',
    'x-bulkhead-tenant',
    'x-bulkhead-principal',
    'x-bulkhead-pool',
    'x-bulkhead-anything',
    'x-odoo-database',
    'x-odoo-dbfilter',
    'x-openerp-dbfilter',
    'connection',
    'keep-alive',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'http2-settings',
    'expect',
    'content-length',
    'host',
    'sec-websocket-key',
  ])('never hold a %s of the client, even in a zone that passes everything', (name) => {
    const letters = 'abcdefghijklmnopqrstuvwxyz'.split('').map((letter) => `${letter}*`);
    const fields = name === 'host' || name === 'upgrade' ? [] : [name, 'spoofed'];
    const values = Object.values(sent({ fields, pass: [name, ...letters] })).flat();
    expect(values).not.toContain('spoofed');
  });

  test('hold what the zone passes, by name and by family', () => {
    const fields = ['stripe-signature', 's', 'x-adyen-hmac', 'h', 'x-adyen', 'no', 'x-other', 'no'];
    expect(beside({ fields, pass: ['stripe-signature', 'x-adyen-*'] })).toEqual([
      'stripe-signature',
      'x-adyen-hmac',
    ]);
    expect(beside({ fields })).toEqual([]);
  });

  test('do not hold what the client calls hop-by-hop', () => {
    expect(
      beside({ fields: ['accept', 'q', 'pragma', 'x', 'referer', 'z', 'connection', 'Pragma ,\tACCEPT'] }),
    ).toEqual(['referer']);
  });

  test('keep repeated fields in their order', () => {
    expect(sent({ fields: ['accept', 'a', 'cookie', 'x=1', 'accept', 'b'] })).toMatchObject({
      accept: ['a', 'b'],
    });
  });
});

describe('Authorization', () => {
  const fields = ['authorization', 'Bearer client'];
  const rpc = { method: 'POST', target: '/json/2/res.partner/read' };

  test('of a zone without tokens is for Odoo and passes', () => {
    expect(sent({ fields })['authorization']).toEqual(['Bearer client']);
  });

  test('of a zone with tokens is for the gateway and ends here', () => {
    expect(sent({ fields, takesTokens: true })['authorization']).toBeUndefined();
    expect(
      sent({ fields, takesTokens: true, pass: ['authorization', 'a*'] })['authorization'],
    ).toBeUndefined();
  });

  test('passes where the zone says so', () => {
    expect(sent({ fields, takesTokens: true, passAuthorization: true })['authorization']).toEqual([
      'Bearer client',
    ]);
  });

  test('becomes the API key of the tenant on JSON-2, and only there', () => {
    const tenant = { odooApiKey: 'key' };
    expect(sent({ fields, takesTokens: true, tenant, ...rpc })['authorization']).toEqual(['Bearer key']);
    expect(sent({ fields, takesTokens: true, tenant })['authorization']).toBeUndefined();
  });
});

describe('the tenant and the principal', () => {
  const rpc = { method: 'POST', target: '/json/2/res.partner/read' };

  test('are told, the subject in a form that no field can break', () => {
    expect(sent({ tenant: {}, subject: 'a b\r\nX-A: ü\ud800' })).toMatchObject({
      'x-bulkhead-tenant': ['acme'],
      'x-bulkhead-principal': ['a%20b%0D%0AX-A:%20%C3%BC%EF%BF%BD'],
    });
  });

  test('choose the database of a JSON-2 call', () => {
    expect(sent({ tenant: { database: 'acme_prod' }, ...rpc })['x-odoo-database']).toEqual(['acme_prod']);
  });

  test.each([
    ['beside a session, which has its own', { ...rpc, fields: ['cookie', 'a=b; session_id=x'] }],
    [
      'beside a session in a second cookie field',
      { ...rpc, fields: ['cookie', 'a=b', 'cookie', 'session_id=x'] },
    ],
    ['on other routes', {}],
  ])('do not choose it %s', (_where, request) => {
    expect(sent({ tenant: {}, ...request })['x-odoo-database']).toBeUndefined();
  });
});

describe('traceparent', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traceOf = (given: string): string | undefined =>
    sent({ fields: ['traceparent', given] })['traceparent']?.[0];

  test('goes on with the trace of the caller and its flags, with a span of ours', () => {
    const made = traceOf(`00-${trace}-00f067aa0ba902b7-01`);
    expect(made).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
    expect(made).not.toContain('00f067aa0ba902b7');
  });

  test.each([
    '',
    'x',
    `00-${trace}-00f067aa0ba902b7`,
    `00-${trace}-00f067aa0ba902b7-01-x`,
    `01-${trace}-00f067aa0ba902b7-01`,
    `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
  ])('begins a new trace in place of %j', (given) => {
    expect(traceOf(given)).toMatch(/^00-11111111222243338444555555555555-[0-9a-f]{16}-00$/);
  });
});

describe('a WebSocket handshake', () => {
  const fields = [
    'connection',
    'keep-alive, Upgrade',
    'upgrade',
    'WebSocket',
    'sec-websocket-version',
    '13',
    'sec-websocket-key',
    'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-extensions',
    'permessage-deflate',
    'sec-websocket-protocol',
    'p',
    'sec-websocket-accept',
    'spoofed',
    'origin',
    'http://acme.erp.example',
  ];

  test('is repeated with its key, and nothing of it that a server says', () => {
    expect(sent({ target: '/websocket', fields })).toMatchObject({
      upgrade: ['websocket'],
      'sec-websocket-key': ['dGhlIHNhbXBsZSBub25jZQ=='],
      'sec-websocket-version': ['13'],
      'sec-websocket-extensions': ['permessage-deflate'],
      'sec-websocket-protocol': ['p'],
      origin: ['http://acme.erp.example'],
    });
    expect(sent({ target: '/websocket', fields })['sec-websocket-accept']).toBeUndefined();
  });
});
