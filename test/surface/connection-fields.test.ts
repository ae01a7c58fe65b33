import { describeWire, hostField, type WireCase } from './wire-case.ts';

// What concerns one connection only must not pass, and must not take with it what does (RFC 9110 §7.6.1, §10.1.1, §7.8).

const get = (fields: string): string => `GET /odoo HTTP/1.1\r\n${hostField}${fields}\r\n`;
const expecting = (value: string): string =>
  `POST /odoo HTTP/1.1\r\n${hostField}Content-Length: 5\r\nExpect: ${value}\r\n\r\nhello`;
const headerRefused = { refused: { status: 400, reason: 'header_invalid' } } as const;
const upgradeInvalid = { refused: { status: 400, reason: 'upgrade_invalid' } } as const;
const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

const hopByHop: WireCase[] = [
  // Traefik CVE-2024-45410: whoever names a field in Connection makes a proxy remove it before it counts.
  ...[
    'Host',
    'Authorization',
    'Cookie',
    'X-Forwarded-For',
    'X-Forwarded-Tls-Client-Cert',
    'X-Real-Ip',
    'Content-Length',
    'Traceparent',
  ].map((name) => ({
    name: `a Connection that names ${name}`,
    bytes: get(`Connection: keep-alive, ${name}\r\n`),
    ...headerRefused,
  })),
  {
    name: 'a second Connection that names X-Forwarded-For',
    bytes: get('Connection: keep-alive\r\nConnection: x-forwarded-FOR\r\n'),
    ...headerRefused,
  },
  {
    name: 'a request loses what its Connection names and',
    bytes: get('Connection: Accept, , Pragma\r\nAccept: q\r\nPragma: x\r\nReferer: z\r\n'),
    reaches: { passed: ['referer: z'] },
  },
  {
    name: 'a request loses its hop-by-hop fields and',
    bytes: get(
      'Keep-Alive: 5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X-A\r\nProxy-Authorization: x\r\nAccept: q\r\n',
    ),
    reaches: { passed: ['accept: q'] },
  },
  {
    name: 'a request loses everything by which it could say who it is and',
    bytes: get(
      [
        'X-Forwarded-Host: evil.example',
        'X-Forwarded-Prefix: /web/database',
        'X-Forwarded-Uri: /web/database/manager',
        'X-Forwarded-Method: POST',
        'X-Forwarded-Port: 1',
        'X-Forwarded-Server: x',
        'X-Original-Url: /web/database/manager',
        'X-Rewrite-Url: /web/database/manager',
        'X-Real-Ip: 203.0.113.9',
        'Forwarded: for=203.0.113.9;host=evil.example',
        'X-Bulkhead-Zone: admin',
        'x-bulkhead-tenant: globex',
        'X-BULKHEAD-PRINCIPAL: admin',
        'X_Bulkhead_Principal: admin',
        'X-Odoo-Database: globex_prod',
        'X-Odoo-dbfilter: .*',
        'X-Openerp-Dbfilter: .*',
        'X-Request-Id: chosen',
        'X-Http-Method-Override: DELETE',
        '',
      ].join('\r\n'),
    ),
    reaches: {},
  },
];

const expectations: WireCase[] = [
  {
    name: 'a body that waits for 100 Continue gets it and',
    bytes: expecting('100-continue'),
    interim: [100],
    reaches: { line: 'POST /odoo HTTP/1.1', body: 'hello' },
  },
  {
    name: 'an expectation in capitals gets it too and',
    bytes: expecting('100-Continue'),
    interim: [100],
    reaches: { line: 'POST /odoo HTTP/1.1', body: 'hello' },
  },
  ...['200-ok', '100-continue, x', 'y 100-continue', '100-continue=1', '100', ''].map((value) => ({
    name: `an Expect of ${JSON.stringify(value)}`,
    bytes: expecting(value),
    refused: { status: 417, reason: 'expectation_failed' } as const,
    closes: true,
  })),
  {
    name: 'a repeated Expect',
    bytes: expecting('100-continue\r\nExpect: 100-continue'),
    refused: { status: 417, reason: 'expectation_failed' },
    closes: true,
  },
  {
    name: 'an expectation of HTTP/1.0 is ignored and',
    bytes: `POST /odoo HTTP/1.0\r\n${hostField}Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello`,
    reaches: { line: 'POST /odoo HTTP/1.1', body: 'hello' },
  },
  {
    name: 'a refused body that waits for 100 Continue',
    bytes: 'POST /odoo HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
    refused: { status: 404, reason: 'no_zone' },
    closes: true,
  },
];

const upgrades: WireCase[] = [
  {
    name: 'an upgrade to h2c',
    bytes: get(
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n',
    ),
    ...upgradeInvalid,
  },
  {
    name: 'a request loses HTTP2-Settings and',
    bytes: get('HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n'),
    reaches: {},
  },
  { name: 'an Upgrade that no Connection names', bytes: get('Upgrade: websocket\r\n'), ...upgradeInvalid },
  { name: 'an upgrade to TLS', bytes: get('Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n'), ...upgradeInvalid },
  {
    name: 'an upgrade with a choice',
    bytes: get(`Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n${key}`),
    ...upgradeInvalid,
  },
  {
    name: 'an upgrade that repeats its Upgrade',
    bytes: get(`Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n${key}`),
    ...upgradeInvalid,
  },
  {
    name: 'an upgrade by POST',
    bytes: `POST /websocket HTTP/1.1\r\n${hostField}Connection: Upgrade\r\nUpgrade: websocket\r\n${key}Content-Length: 5\r\n\r\nhello`,
    ...upgradeInvalid,
  },
  {
    name: 'an upgrade with a body',
    bytes: `GET /websocket HTTP/1.1\r\n${hostField}Connection: Upgrade\r\nUpgrade: websocket\r\n${key}Content-Length: 5\r\n\r\nhello`,
    ...upgradeInvalid,
  },
  {
    name: 'an upgrade in HTTP/1.0',
    bytes: `GET /websocket HTTP/1.0\r\n${hostField}Origin: http://acme.erp.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`,
    ...upgradeInvalid,
  },
];

describeWire('hop-by-hop and identity fields', hopByHop);
describeWire('expectations', expectations);
describeWire('upgrades', upgrades);
