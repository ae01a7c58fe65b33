import type { Reason } from '../../src/core/reason.ts';

/** The part of a decision that a case names; the other parts only have to be equal on all surfaces. */
export interface Decided {
  reason: string | undefined;
  zone: string | undefined;
  tenant: string | undefined;
  workload: string | undefined;
  pool: string | undefined;
}

type Expected = Partial<Decided> & { reason?: Reason };

/** A request as a policy test describes it, and what must become of it. */
export interface Case {
  name: string;
  request: string;
  /** Address of the client; 127.0.0.1 is the trusted proxy itself, whose X-Forwarded-For counts. */
  from?: string;
  headers?: Record<string, string>;
  /** A text as it stands, anything else as JSON. ForwardAuth never sees it. */
  body?: unknown;
  as?: { jwt?: Record<string, unknown>; clientCert?: { subject: string; ca?: string } };
  /** The last of so many equal requests. */
  repeat?: number;
  expect: Expected;
  /** Where a surface differs by its nature, what it says instead. */
  forwardAuth?: Expected;
  explain?: Expected;
  policyTest?: Expected;
}

const staff = '10.20.0.7';
const stranger = '198.51.100.9';

const edi = { sub: 'edi-acme', scope: 'edi.write', tenant: 'acme' };
const partner = (path: string, tenant = 'acme'): string =>
  `POST https://${tenant}.partner.erp.example/json/2/${path}`;
const handshake = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const sameOrigin = { Origin: 'https://acme.erp.example' };

const ofPublic = { zone: 'public', tenant: 'acme', workload: 'interactive', pool: 'odoo-interactive' };
const ofStaff = { ...ofPublic, zone: 'employee' };
const ofPartner = { ...ofPublic, zone: 'partner' };
const batch = { workload: 'batch', pool: 'odoo-batch' };
const socket = { ...ofStaff, workload: 'websocket', pool: 'odoo-websocket' };

const publicCases: Case[] = [
  { name: 'a portal page', request: 'GET https://acme.api.erp.example/my/orders/17', expect: ofPublic },
  {
    name: 'a portal page of another tenant, with a query',
    request: 'GET https://nordfracht.api.erp.example/my/orders/17?access_token=x&page=2',
    expect: { ...ofPublic, tenant: 'nordfracht' },
  },
  {
    name: 'a portal PDF',
    request: 'GET https://acme.api.erp.example/my/picking/pdf/17',
    expect: { ...ofPublic, ...batch },
  },
  {
    name: 'a static file',
    request: 'GET https://acme.api.erp.example/web/static/a.css',
    expect: { ...ofPublic, workload: 'static' },
  },
  { name: 'the shop front', request: 'GET https://acme.api.erp.example/', expect: ofPublic },
  { name: 'a URL without a path', request: 'GET https://acme.api.erp.example', expect: ofPublic },
  { name: 'a webhook', request: 'POST https://acme.api.erp.example/web/hook/abc', expect: ofPublic },
  {
    name: 'the back office where everybody is',
    request: 'GET https://acme.api.erp.example/odoo',
    expect: { reason: 'no_zone' },
  },
  {
    name: 'a host of no tenant',
    request: 'GET https://unknown.api.erp.example/shop/pallets',
    expect: { reason: 'tenant_unknown', zone: 'public' },
  },
  {
    name: 'a host of no zone',
    request: 'GET https://example.com/shop/pallets',
    expect: { reason: 'no_zone' },
  },
  {
    // Traefik sends on what the client wrote, so a path that Bulkhead would rewrite cannot be let through there.
    name: 'the database manager with an escaped letter',
    request: 'GET https://acme.api.erp.example/web/%64atabase/manager',
    expect: { reason: 'no_zone' },
    forwardAuth: { reason: 'path_not_canonical' },
  },
  {
    name: 'a product with an escaped letter',
    request: 'GET https://acme.api.erp.example/shop/%70allets',
    expect: ofPublic,
    forwardAuth: { reason: 'path_not_canonical' },
  },
  {
    name: 'a product with an escape that has to stay',
    request: 'GET https://acme.api.erp.example/shop/gr%C3%BCn',
    expect: ofPublic,
  },
];

const employeeCases: Case[] = [
  { name: 'staff', request: 'GET https://acme.erp.example/odoo?view=list', from: staff, expect: ofStaff },
  {
    // Traefik sends on what the client wrote, so what would have to be removed cannot be let through there.
    name: 'staff in developer mode',
    request: 'GET https://acme.erp.example/odoo?debug=1',
    from: staff,
    expect: ofStaff,
    forwardAuth: { reason: 'parameter_not_allowed', zone: 'employee', tenant: 'acme' },
  },
  {
    name: 'staff who ask for the database of another tenant',
    request: 'GET https://acme.erp.example/web?db=nordfracht',
    from: staff,
    expect: { reason: 'tenant_mismatch', zone: 'employee' },
  },
  {
    name: 'staff who ask for their own database',
    request: 'GET https://acme.erp.example/web?db=acme',
    from: staff,
    expect: ofStaff,
  },
  {
    name: 'staff of a tenant with a host of its own',
    request: 'GET https://erp.globex.example/web/login',
    from: staff,
    expect: { ...ofStaff, tenant: 'globex' },
  },
  {
    name: 'a host in capitals with port and final dot',
    request: 'GET https://ACME.Erp.Example.:443/odoo',
    from: staff,
    expect: ofStaff,
  },
  { name: 'a HEAD request', request: 'HEAD https://acme.erp.example/odoo', from: staff, expect: ofStaff },
  {
    name: 'an OPTIONS request',
    request: 'OPTIONS https://acme.erp.example/odoo',
    from: staff,
    expect: ofStaff,
  },
  {
    name: 'a delivery slip',
    request: 'GET https://acme.erp.example/report/pdf/stock.report_deliveryslip/17',
    from: staff,
    expect: { ...ofStaff, ...batch },
  },
  {
    name: 'an export',
    request: 'POST https://acme.erp.example/web/export/csv',
    from: staff,
    expect: { ...ofStaff, ...batch },
  },
  {
    name: "a call of Odoo's own client",
    request: 'POST https://acme.erp.example/web/dataset/call_kw/stock.picking/read',
    from: staff,
    headers: { 'Content-Type': 'application/json' },
    expect: ofStaff,
  },
  {
    name: 'staff on an IPv4-mapped address',
    request: 'GET https://acme.erp.example/odoo',
    from: '::ffff:10.20.0.7',
    expect: ofStaff,
  },
  {
    name: 'a stranger',
    request: 'GET https://acme.erp.example/odoo',
    from: stranger,
    expect: { reason: 'address_not_allowed', zone: 'employee' },
  },
  {
    name: 'a stranger who writes X-Forwarded-For',
    request: 'GET https://acme.erp.example/odoo',
    from: stranger,
    headers: { 'X-Forwarded-For': staff },
    expect: { reason: 'address_not_allowed', zone: 'employee' },
  },
  {
    name: 'a stranger on IPv6',
    request: 'GET https://acme.erp.example/odoo',
    from: '2001:db8::1',
    expect: { reason: 'address_not_allowed', zone: 'employee' },
  },
  {
    name: 'a stranger behind the proxy',
    request: 'GET https://acme.erp.example/odoo',
    from: '127.0.0.1',
    headers: { 'X-Forwarded-For': `${staff}, ${stranger}` },
    expect: { reason: 'address_not_allowed', zone: 'employee' },
  },
  {
    name: 'staff behind the proxy',
    request: 'GET https://acme.erp.example/odoo',
    from: '127.0.0.1',
    headers: { 'X-Forwarded-For': `${stranger}, ${staff}` },
    expect: ofStaff,
  },
  {
    name: 'the database manager',
    request: 'GET https://acme.erp.example/web/database/manager',
    from: staff,
    expect: { reason: 'no_zone' },
  },
  ...[
    ['/web%2Fdatabase%2Fmanager', 'escaped slashes'],
    ['//web/database/manager', 'two slashes'],
    ['/odoo/../web/database/manager', 'dot segments'],
    ['/odoo/%2e%2e/web/database/manager', 'escaped dot segments'],
    ['/web/database;x=1/manager', 'a path parameter'],
    ['/web/%2564atabase/manager', 'an escape twice'],
    ['/web/database%00/manager', 'a NUL'],
    ['/web/d%E1tabase', 'an escape that is no UTF-8'],
  ].map(([path, trick]): Case => ({
    name: `the database manager with ${trick}`,
    request: `GET https://acme.erp.example${path}`,
    from: staff,
    expect: { reason: 'path_ambiguous' },
  })),
  {
    name: 'a host with a user name',
    request: 'GET https://acme.erp.example@other.example/odoo',
    from: staff,
    expect: { reason: 'host_invalid' },
  },
  {
    name: 'a host that is half an address',
    request: 'GET https://127.1/odoo',
    from: staff,
    expect: { reason: 'host_invalid' },
  },
  {
    name: 'a fragment, which no client sends',
    request: 'GET https://acme.erp.example/odoo?x=1#fragment',
    from: staff,
    expect: { reason: 'target_invalid' },
  },
  {
    name: 'a TRACE',
    request: 'TRACE https://acme.erp.example/odoo',
    from: staff,
    expect: { reason: 'method_not_supported' },
  },
  {
    // Traefik removes what Connection names before it asks, and forwards none of it.
    name: 'a Connection field that names a credential',
    request: 'GET https://acme.erp.example/odoo',
    from: staff,
    headers: { Connection: 'close, authorization' },
    expect: { reason: 'header_invalid' },
    forwardAuth: ofStaff,
  },
];

const kw = (model: string, method: string, args: unknown[], kwargs: object = {}) => ({
  request: `POST https://acme.erp.example/web/dataset/call_kw/${model}/${method}`,
  from: staff,
  headers: { 'Content-Type': 'application/json' },
  body: { id: 7, jsonrpc: '2.0', method: 'call', params: { model, method, args, kwargs } },
});
const rpc = (service: string, method: string, ...args: unknown[]) => ({
  params: { service, method, args },
});
const agent = { jwt: { sub: 'planner', scope: 'erp.agent', tenant: 'acme' } };
const agents = 'POST https://acme.agents.erp.example';
const ofAgents = { zone: 'ai-agents', tenant: 'acme', ...batch };
/** What ForwardAuth says of a call that stands in a body. */
const unseen: Expected = { reason: 'odoo_call_unreadable', zone: 'ai-agents' };

const callCases: Case[] = [
  {
    name: 'a picking that is validated',
    ...kw('stock.picking', 'button_validate', [[48211]]),
    expect: ofStaff,
    // The same, but without knowing what is called.
    forwardAuth: ofStaff,
  },
  {
    name: 'a wave of pickings that is validated',
    ...kw('stock.picking', 'button_validate', [[1, 2, 3, 4, 5, 6]]),
    expect: { ...ofStaff, ...batch },
    forwardAuth: ofStaff,
  },
  {
    name: 'a page of a list',
    ...kw('stock.picking', 'web_search_read', [], { domain: [], specification: {}, limit: 80 }),
    expect: ofStaff,
    forwardAuth: ofStaff,
  },
  {
    name: 'a whole table',
    ...kw('stock.move', 'search_read', [[]], { fields: ['name'] }),
    expect: { ...ofStaff, ...batch },
    forwardAuth: ofStaff,
  },
  {
    name: 'a login that names the database of another tenant',
    request: 'POST https://acme.erp.example/web/session/authenticate',
    from: staff,
    headers: { 'Content-Type': 'application/json' },
    body: { params: { db: 'nordfracht', login: 'ada', password: 'x' } },
    expect: { reason: 'tenant_mismatch', zone: 'employee' },
    forwardAuth: ofStaff,
  },
  {
    name: 'an agent that reads',
    request: `${agents}/json/2/stock.picking/search_read`,
    as: agent,
    body: { domain: [], limit: 5 },
    expect: ofAgents,
  },
  {
    name: 'an agent that reads by JSON-RPC',
    request: `${agents}/jsonrpc`,
    as: agent,
    body: rpc('object', 'execute_kw', 'acme', 7, 'key', 'sale.order', 'read', [[1]]),
    expect: ofAgents,
    forwardAuth: unseen,
  },
  {
    name: 'an agent that asks for the version',
    request: `${agents}/jsonrpc`,
    as: agent,
    body: rpc('common', 'version'),
    expect: ofAgents,
    forwardAuth: unseen,
  },
  {
    name: 'an agent that reads users',
    request: `${agents}/jsonrpc`,
    as: agent,
    body: rpc('object', 'execute_kw', 'acme', 7, 'key', 'res.users', 'read', [[1]]),
    expect: { reason: 'odoo_method_not_allowed', zone: 'ai-agents', tenant: 'acme' },
    forwardAuth: unseen,
  },
  {
    name: 'an agent that lists databases',
    request: `${agents}/jsonrpc`,
    as: agent,
    body: rpc('db', 'list'),
    expect: { reason: 'odoo_method_not_allowed', zone: 'ai-agents', tenant: 'acme' },
    forwardAuth: unseen,
  },
  {
    name: 'an agent that reads in the database of another tenant',
    request: `${agents}/jsonrpc`,
    as: agent,
    body: rpc('object', 'execute', 'nordfracht', 7, 'key', 'sale.order', 'read', [1]),
    expect: { reason: 'tenant_mismatch', zone: 'ai-agents' },
    forwardAuth: unseen,
  },
  {
    name: 'an agent whose arguments stand twice',
    request: `${agents}/jsonrpc`,
    as: agent,
    body: '{"params":{"service":"common","method":"version","args":[],"args":[]}}',
    expect: unseen,
  },
  {
    name: 'an agent whose question is longer than what is read',
    request: `${agents}/jsonrpc`,
    as: agent,
    body: rpc('object', 'execute', 'acme', 7, 'key', 'sale.order', 'read', 'x'.repeat(70_000)),
    expect: unseen,
    forwardAuth: unseen,
  },
  {
    name: 'an agent that says nothing',
    request: `${agents}/jsonrpc`,
    as: agent,
    expect: unseen,
  },
];

const socketCases: Case[] = [
  {
    name: 'a WebSocket of the same origin',
    request: 'GET https://acme.erp.example/websocket?version=19.0-1',
    from: staff,
    headers: { ...handshake, ...sameOrigin },
    expect: socket,
  },
  {
    name: 'a WebSocket of another origin',
    request: 'GET https://acme.erp.example/websocket',
    from: staff,
    headers: { ...handshake, Origin: 'https://evil.example' },
    expect: { reason: 'origin_not_allowed', zone: 'employee', tenant: 'acme' },
  },
  {
    name: 'a WebSocket of no origin',
    request: 'GET https://acme.erp.example/websocket',
    from: staff,
    headers: handshake,
    expect: { reason: 'origin_not_allowed', zone: 'employee', tenant: 'acme' },
  },
  {
    // Traefik does not tell of an upgrade when it asks: there the path alone says what is meant.
    name: 'the path of WebSockets without a handshake',
    request: 'GET https://acme.erp.example/websocket',
    from: staff,
    headers: sameOrigin,
    expect: { reason: 'upgrade_invalid', zone: 'employee', tenant: 'acme' },
    forwardAuth: socket,
  },
  {
    name: 'a POST on the path of WebSockets',
    request: 'POST https://acme.erp.example/websocket',
    from: staff,
    headers: sameOrigin,
    expect: { reason: 'upgrade_invalid', zone: 'employee', tenant: 'acme' },
  },
  {
    name: 'a handshake on another path',
    request: 'GET https://acme.erp.example/odoo',
    from: staff,
    headers: { ...handshake, ...sameOrigin },
    expect: { reason: 'upgrade_invalid', zone: 'employee', tenant: 'acme' },
    forwardAuth: ofStaff,
  },
  {
    name: 'an upgrade to HTTP/2',
    request: 'GET https://acme.erp.example/odoo',
    from: staff,
    headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABk' },
    expect: { reason: 'upgrade_invalid' },
    forwardAuth: ofStaff,
  },
  {
    name: 'a WebSocket where there is no pool for it',
    request: 'GET https://acme.branch.example/websocket',
    headers: { ...handshake, Origin: 'https://acme.branch.example' },
    expect: { reason: 'workload_not_served', zone: 'branch', tenant: 'acme', workload: 'websocket' },
  },
];

const partnerCases: Case[] = [
  { name: 'a partner', request: partner('stock.picking/read'), as: { jwt: edi }, expect: ofPartner },
  {
    name: 'a partner who writes a final slash',
    request: partner('stock.picking/read/'),
    as: { jwt: edi },
    expect: ofPartner,
  },
  {
    name: 'a search of a partner',
    request: partner('sale.order/search_read'),
    as: { jwt: edi },
    expect: { ...ofPartner, ...batch },
  },
  {
    name: 'a partner of another tenant',
    request: partner('stock.picking/read', 'nordfracht'),
    as: { jwt: { sub: 'edi-nordfracht', scope: 'edi.write edi.read', tenant: 'nordfracht' } },
    expect: { ...ofPartner, tenant: 'nordfracht' },
  },
  {
    name: 'a partner whose token names no tenant',
    request: partner('stock.picking/read'),
    as: { jwt: { sub: 'edi-any', scope: 'edi.write' } },
    expect: ofPartner,
  },
  {
    name: 'nobody',
    request: partner('stock.picking/read'),
    expect: { reason: 'credentials_missing', zone: 'partner' },
  },
  {
    name: 'a user name and a password',
    request: partner('stock.picking/read'),
    headers: { Authorization: 'Basic ZWRpOnNlY3JldA==' },
    expect: { reason: 'credentials_missing', zone: 'partner' },
  },
  {
    // A policy test presents what `as` says and nothing else, so that no test needs a real token.
    name: 'garbage for a token',
    request: partner('stock.picking/read'),
    headers: { Authorization: 'Bearer garbage' },
    expect: { reason: 'token_malformed', zone: 'partner' },
    policyTest: { reason: 'credentials_missing', zone: 'partner' },
  },
  ...(
    [
      ['for another audience', { aud: 'another-service' }, 'token_audience_not_allowed'],
      ['of another issuer', { iss: 'https://id.example' }, 'token_issuer_not_allowed'],
      ['that has expired', { exp: 1_000_000_000 }, 'token_expired'],
      ['of a later year', { nbf: 4_000_000_000, exp: 4_000_000_600 }, 'token_not_yet_valid'],
      ['whose tenant is a list', { tenant: ['acme'] }, 'token_claims_invalid'],
    ] as const
  ).map(([flaw, claims, reason]): Case => ({
    name: `a token ${flaw}`,
    request: partner('stock.picking/read'),
    as: { jwt: { ...edi, ...claims } },
    expect: { reason, zone: 'partner' },
  })),
  {
    name: 'a token without the scope',
    request: partner('stock.picking/read'),
    as: { jwt: { ...edi, scope: 'edi.read' } },
    expect: { reason: 'scope_missing', zone: 'partner', tenant: 'acme' },
  },
  {
    name: "one tenant's token at another's host",
    request: partner('stock.picking/read', 'nordfracht'),
    as: { jwt: edi },
    expect: { reason: 'tenant_mismatch', zone: 'partner' },
  },
  {
    name: 'a token of a tenant that does not exist',
    request: partner('stock.picking/read'),
    as: { jwt: { ...edi, tenant: 'nobody' } },
    expect: { reason: 'tenant_unknown', zone: 'partner' },
  },
  ...[
    ['res.users/read', 'a model that is not listed'],
    ['stock.picking/unlink', 'a method that is not listed'],
    ['stock.picking/READ', 'a listed method in capitals'],
  ].map(([call = '', what]): Case => ({
    name: `${what}`,
    request: partner(call),
    as: { jwt: edi },
    expect: { reason: 'odoo_method_not_allowed', zone: 'partner', tenant: 'acme' },
  })),
  {
    name: 'a call without a method',
    request: partner('stock.picking'),
    as: { jwt: edi },
    expect: { reason: 'odoo_call_unreadable', zone: 'partner', tenant: 'acme' },
  },
  {
    name: 'a GET where only calls are',
    request: 'GET https://acme.partner.erp.example/json/2/stock.picking/read',
    as: { jwt: edi },
    expect: { reason: 'no_zone' },
  },
];

const manager = 'GET https://admin.erp.example/web/database/manager';

const otherCases: Case[] = [
  {
    name: 'an administrator',
    request: manager,
    from: '10.99.0.5',
    as: { jwt: { sub: 'admin', scope: 'erp.admin' } },
    expect: { zone: 'admin', workload: 'interactive', pool: 'odoo-interactive' },
  },
  {
    name: 'a partner at the door of administrators',
    request: manager,
    from: '10.99.0.5',
    as: { jwt: edi },
    expect: { reason: 'scope_missing', zone: 'admin' },
  },
  {
    name: 'an administrator from elsewhere',
    request: manager,
    from: staff,
    as: { jwt: { sub: 'admin', scope: 'erp.admin' } },
    expect: { reason: 'address_not_allowed', zone: 'admin' },
  },
  {
    name: 'a carrier with a certificate',
    request: 'POST https://carrier.example/json/2/stock.picking/read',
    as: { clientCert: { subject: 'CN=scanner-7,O=acme' } },
    expect: { ...ofPublic, zone: 'carrier' },
  },
  {
    name: 'a carrier with a token in place of the certificate',
    request: 'POST https://carrier.example/json/2/stock.picking/read',
    as: { jwt: { sub: 'carrier-9', aud: ['carriers'], scope: 'carrier', tenant: 'globex' } },
    expect: { ...ofPublic, zone: 'carrier', tenant: 'globex' },
  },
  {
    name: 'a certificate of another authority',
    request: 'POST https://carrier.example/json/2/stock.picking/read',
    as: { clientCert: { subject: 'CN=scanner-7,O=acme', ca: 'others' } },
    expect: { reason: 'certificate_not_trusted', zone: 'carrier' },
  },
  {
    name: 'a certificate that names its tenant twice',
    request: 'POST https://carrier.example/json/2/stock.picking/read',
    as: { clientCert: { subject: 'CN=scanner-7,O=acme,O=globex' } },
    expect: { reason: 'certificate_malformed', zone: 'carrier' },
  },
  {
    name: 'a certificate of a tenant that does not exist',
    request: 'POST https://carrier.example/json/2/stock.picking/read',
    as: { clientCert: { subject: 'CN=scanner-7,O=nobody' } },
    expect: { reason: 'tenant_unknown', zone: 'carrier' },
  },
  {
    name: 'a certificate of no tenant',
    request: 'POST https://carrier.example/json/2/stock.picking/read',
    as: { clientCert: { subject: 'CN=scanner-7' } },
    expect: { reason: 'tenant_missing', zone: 'carrier' },
  },
  {
    name: "a carrier that asks for its tenant's database",
    request: 'POST https://carrier.example/json/2/stock.picking/read',
    headers: { 'X-Odoo-Database': 'globex_prod' },
    as: { clientCert: { subject: 'CN=scanner-7,O=globex' } },
    expect: { ...ofPublic, zone: 'carrier', tenant: 'globex' },
  },
  {
    name: 'a carrier that asks for the database of another tenant',
    request: 'POST https://carrier.example/json/2/stock.picking/read',
    headers: { 'X-Odoo-Database': 'globex_prod' },
    as: { clientCert: { subject: 'CN=scanner-7,O=acme' } },
    expect: { reason: 'tenant_mismatch', zone: 'carrier' },
  },
  {
    name: 'a tenant of the shared tier',
    request: 'GET https://acme.branch.example/odoo',
    expect: { ...ofPublic, zone: 'branch' },
  },
  {
    name: 'a tenant of the dedicated tier',
    request: 'GET https://globex.branch.example/odoo',
    expect: { zone: 'branch', tenant: 'globex', workload: 'interactive', pool: 'odoo-dedicated' },
  },
  {
    name: 'a denied address',
    request: 'GET https://acme.branch.example/odoo',
    from: '203.0.113.77',
    expect: { reason: 'address_not_allowed', zone: 'branch' },
  },
  {
    name: 'a class that the proxy names',
    request: 'GET https://acme.branch.example/odoo',
    from: '127.0.0.1',
    headers: { 'X-Forwarded-For': stranger, 'X-Workload': 'batch' },
    expect: { ...ofPublic, ...batch, zone: 'branch' },
  },
  {
    // explain looks at full budgets and spends nothing, so it knows no second request.
    name: 'a budget that is spent',
    request: 'GET https://scarce.example/odoo',
    repeat: 3,
    expect: { reason: 'limit_exceeded', zone: 'scarce', workload: 'interactive' },
    explain: { zone: 'scarce', workload: 'interactive', pool: 'odoo-interactive' },
  },
  {
    name: 'a budget that one dear request spends',
    request: 'GET https://scarce.example/report/pdf/x/1',
    from: '198.51.100.20',
    repeat: 2,
    expect: { reason: 'limit_exceeded', zone: 'scarce', workload: 'batch' },
    explain: { zone: 'scarce', ...batch },
  },
  {
    name: 'a body of as much as the zone takes',
    request: 'POST https://narrow.example/mail/attachment/upload',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: 'x'.repeat(2048),
    expect: { zone: 'narrow', workload: 'interactive', pool: 'odoo-interactive' },
  },
  {
    // Without the body (`forwardBody`) ForwardAuth does not know how large it is.
    name: 'a body of a byte more',
    request: 'POST https://narrow.example/mail/attachment/upload',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: 'x'.repeat(2049),
    expect: { reason: 'body_too_large', zone: 'narrow' },
    forwardAuth: { zone: 'narrow', workload: 'interactive', pool: 'odoo-interactive' },
  },
  {
    name: 'an address that comes too often, whatever its credential',
    request: 'GET https://guarded.example/odoo',
    from: '198.51.100.21',
    as: { jwt: { sub: 'guest' } },
    repeat: 2,
    expect: { reason: 'address_rate_exceeded', zone: 'guarded' },
    explain: { zone: 'guarded', workload: 'interactive', pool: 'odoo-interactive' },
  },
];

/** Every set of figures has a burst of its own, and refuses one request later than the set before it. */
const figureCases: Case[] = (
  [
    ['everybody', 'acme', 'edi', 1],
    ['a tier', 'nordfracht', 'edi', 2],
    ['a tenant whose tier has others', 'globex', 'edi', 3],
    ['a caller in that tenant', 'globex', 'robot', 4],
    ['a time', 'acme', 'edi', 5],
  ] as const
).map(([whose, tenant, sub, burst]): Case => {
  const zone = whose === 'a time' ? 'timed' : 'contract';
  return {
    name: `the figures of ${whose}`,
    request: `GET https://${tenant}.${zone}.example/odoo`,
    as: { jwt: { sub } },
    repeat: burst + 1,
    expect: { reason: 'limit_exceeded', zone, tenant, workload: 'interactive' },
    explain: { zone, tenant, workload: 'interactive', pool: 'odoo-interactive' },
  };
});

export const cases: readonly Case[] = [
  ...publicCases,
  ...employeeCases,
  ...callCases,
  ...socketCases,
  ...partnerCases,
  ...otherCases,
  ...figureCases,
];
