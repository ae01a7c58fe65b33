import { get, hostField, reaching, refusing, type WireCase } from '../wire-case.ts';
import { wideHost } from '../wire-range.ts';

// RFC 9110 §7.6.1: what concerns one connection ends here, and must not take with it what does not.

/** A request of the zone that passes nearly every name, so that what is removed is removed for its own sake. */
const wide = (fields: string): string => `GET /odoo HTTP/1.1\r\nHost: ${wideHost}\r\n${fields}\r\n`;
const ofWide = { host: wideHost, zone: 'wide' };

/** Traefik CVE-2024-45410: whoever names a field in Connection makes a proxy remove it before it counts. */
const notToBeNamed = [
  'Host',
  'Content-Length',
  'Content-Type',
  'Transfer-Encoding',
  'Cookie',
  'Authorization',
  'Forwarded',
  'Origin',
  'Traceparent',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'X-Forwarded-Tls-Client-Cert',
  'X-Real-Ip',
  'X-Request-Id',
  'X-Bulkhead-Zone',
  'X-Bulkhead-Tenant',
  'X-Odoo-Database',
  'X-Mine-A',
];

const hopByHop = [
  'Keep-Alive: timeout=5',
  'Proxy-Connection: keep-alive',
  'Proxy-Authorization: Basic eDp5',
  'Proxy-Authenticate: Basic',
  'TE: trailers',
  'TE: gzip',
  'Trailer: X-A',
  'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
];

/** What the gateway alone says, and what tells a framework behind it another path, method, host or client. */
const owned = [
  'X-Forwarded-For: 203.0.113.9',
  'X-FORWARDED-FOR: 203.0.113.9',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Port: 443',
  'X-Forwarded-Prefix: /web/database',
  'X-Forwarded-Uri: /web/database/manager',
  'X-Forwarded-Method: DELETE',
  'X-Forwarded-Server: x',
  'X-Forwarded-Tls-Client-Cert: MIIB',
  'X-Forwarded-Tls-Client-Cert-Info: Subject%3D',
  'X-Forwarded: for=203.0.113.9',
  'Forwarded: for=203.0.113.9;host=evil.example',
  'X-Original-Url: /web/database/manager',
  'X-Rewrite-Url: /web/database/manager',
  'X-Real-Ip: 203.0.113.9',
  'X-Request-Id: chosen',
  'X-Bulkhead-Zone: admin',
  'x-bulkhead-tenant: globex',
  'X-BULKHEAD-PRINCIPAL: admin',
  'X-Bulkhead-Workload: batch',
  'X-Bulkhead-Pool: x',
  'X-Bulkhead-Unheard-Of: x',
  'X-Odoo-Database: acme',
  'X-Odoo-Dbfilter: .*',
  'X-Openerp-Dbfilter: .*',
  'X-Openerp-Session-Id: x',
];

/** An upstream that makes variables of names cannot tell these from the ones with a hyphen (CVE-2025-64484). */
const underscored = [
  'X_Forwarded_For: 203.0.113.9',
  'X-Forwarded_For: 203.0.113.9',
  'X_Forwarded-Host: evil.example',
  'X_Bulkhead_Zone: admin',
  'X-Bulkhead_Tenant: globex',
  'X_Odoo_Database: globex',
  'X_Odoo_Dbfilter: .*',
  'X_Openerp_Dbfilter: .*',
  'Content_Length: 5',
  'Content_Type: text/xml',
  'Transfer_Encoding: chunked',
  'X_Request_Id: x',
  'X_Real_Ip: 203.0.113.9',
  'X_Original_Url: /x',
  '_: x',
  '_Accept: x',
  'Accept_: x',
  'User_Agent: x',
  'X__A: x',
  'X_: x',
  'Proxy_Authorization: x',
];

const spanId = '00f067aa0ba902b7';
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

export const connectionFieldCases: WireCase[] = [
  ...refusing(
    '403 tenant_mismatch',
    [
      ['X-Odoo-Database', 'X-Odoo-Database: globex\r\n'],
      ['X-Odoo-Database in two fields', 'X-Odoo-Database: acme\r\nx-odoo-database: globex\r\n'],
      ['X-Odoo-Database twice its own', 'X-Odoo-Database: acme\r\nX-Odoo-Database: acme\r\n'],
    ].map(
      ([name = '', field = '']) => [`a database that is not the tenant's by ${name}`, get(field)] as const,
    ),
    'open',
  ),
  ...refusing(
    '400 header_invalid',
    notToBeNamed.map(
      (name) => [`a Connection that names ${name}`, get(`Connection: keep-alive, ${name}\r\n`)] as const,
    ),
    'open',
  ),
  ...refusing(
    '400 header_invalid',
    [
      ['a Connection that names X-Forwarded-For alone', get('Connection: X-Forwarded-For\r\n')],
      [
        'a second Connection that names X-Forwarded-For',
        get('Connection: keep-alive\r\nConnection: x-forwarded-FOR\r\n'),
      ],
      [
        'a Connection that names X-Forwarded-For between commas',
        get('Connection: ,, x-forwarded-for ,,\r\n'),
      ],
      ['a Connection that names Cookie behind tabs', get('Connection: keep-alive,\tCookie\t\r\n')],
      ['a Connection without blanks that names Host', get('Connection: keep-alive,host\r\n')],
    ],
    'open',
  ),
  ...refusing(
    '400 header_invalid',
    [['a Connection of close that names Cookie', get('Connection: close, Cookie\r\n')]],
    'closed',
  ),
  ...reaching([
    ...hopByHop.map(
      (field) =>
        [
          `a request loses ${field} and`,
          wide(`${field}\r\nAccept: q\r\n`),
          { ...ofWide, passed: ['accept: q'] },
        ] as const,
    ),
    ...owned.map(
      (field) =>
        [
          `a request loses ${field} and`,
          wide(`${field}\r\nAccept: q\r\n`),
          { ...ofWide, passed: ['accept: q'] },
        ] as const,
    ),
    ...underscored.map(
      (field) =>
        [
          `a request loses ${field} and`,
          wide(`${field}\r\nAccept: q\r\n`),
          { ...ofWide, passed: ['accept: q'] },
        ] as const,
    ),
    [
      'a request loses what its Connection names and',
      get('Connection: Accept, , Pragma\r\nAccept: q\r\nPragma: x\r\nReferer: z\r\n'),
      { passed: ['referer: z'] },
    ],
    [
      'a request loses what comes before its Connection and is named there, and',
      get('Accept: q\r\nReferer: z\r\nConnection: accept\r\n'),
      { passed: ['referer: z'] },
    ],
    [
      'a request loses each of two fields that its Connection names and',
      get('Accept: q\r\nConnection: ACCEPT\r\nAccept: r\r\n'),
      {},
    ],
    [
      'a request whose Connection names a part of a name',
      get('Connection: Accep, t\r\nAccept: q\r\n'),
      { passed: ['accept: q'] },
    ],
    [
      'a request whose Connection names what is not there',
      get('Connection: foo, bar\r\nAccept: q\r\n'),
      { passed: ['accept: q'] },
    ],
    ['a request with an empty Connection', get('Connection:\r\nAccept: q\r\n'), { passed: ['accept: q'] }],
    [
      'a request with a Connection of commas',
      get('Connection: ,,,\r\nAccept: q\r\n'),
      { passed: ['accept: q'] },
    ],
    ['a request with a Connection of keep-alive in capitals', get('Connection: Keep-Alive\r\n'), {}],
    [
      'a request loses its hop-by-hop fields all at once and',
      get(`${hopByHop.join('\r\n')}\r\nAccept: q\r\n`),
      { passed: ['accept: q'] },
    ],
    [
      'a request loses everything by which it could say who it is and',
      get(`${owned.join('\r\n')}\r\n${underscored.join('\r\n')}\r\n`),
      {},
    ],
    // Authorization is Odoo's where no zone takes tokens, and stands among what the gateway says of the caller.
    [
      'a request with an Authorization',
      get('Authorization: Basic eDp5\r\nAccept: q\r\n'),
      { passed: ['accept: q'], authorization: 'Basic eDp5' },
    ],
    // W3C Trace Context: continued with a span of ours, or begun anew.
    [
      'a request with a trace',
      get(`Traceparent: 00-${traceId}-${spanId}-01\r\nTracestate: a=b\r\n`),
      { passed: ['tracestate: a=b'], trace: `${traceId} 01` },
    ],
    ['a request with a trace of zeros', get(`Traceparent: 00-${'0'.repeat(32)}-${spanId}-01\r\n`), {}],
    [
      'a request with a trace in capitals',
      get(`Traceparent: 00-${traceId.toUpperCase()}-${spanId}-01\r\n`),
      {},
    ],
    ['a request with a trace that is no trace', get('Traceparent: x\r\n'), {}],
    [
      'a request with fields that usually pass',
      get('User-Agent: a\r\nReferer: b\r\nSec-Fetch-Mode: c\r\nX-Requested-With: d\r\n'),
      { passed: ['user-agent: a', 'referer: b', 'sec-fetch-mode: c', 'x-requested-with: d'] },
    ],
    [
      'a request with fields that its zone passes',
      wide('X-Any: 1\r\nCache-Control: 2\r\nFoo: 3\r\n'),
      { ...ofWide, passed: ['x-any: 1', 'cache-control: 2', 'foo: 3'] },
    ],
    [
      'a request loses Sec-WebSocket fields without an upgrade and',
      get('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'),
      {},
    ],
  ]),
  // RFC 9112 §9.3 and §9.6.
  ...reaching(
    ['close', 'Close', 'CLOSE', 'keep-alive, close', 'close, keep-alive', 'close,foo', ' , close'].map(
      (value) =>
        [
          `a request with a Connection of ${JSON.stringify(value)}, the last one,`,
          get(`Connection: ${value}\r\n`),
          {},
        ] as const,
    ),
    'closed',
  ),
  {
    name: 'a request with a close in its second Connection, the last one,',
    bytes: `GET /odoo HTTP/1.1\r\nConnection: keep-alive\r\n${hostField}Connection: close\r\n\r\n`,
    reaches: [{}],
    end: 'closed',
  },
  {
    name: 'a request with a Connection of "closed", which is another word,',
    bytes: get('Connection: closed\r\n'),
    reaches: [{}],
  },
];
