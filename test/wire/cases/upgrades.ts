import { get, host, hostField, refusing, type WireCase } from '../wire-case.ts';

// RFC 9110 §7.8 and RFC 6455 §4.2.1. `h2c` and TLS within a connection would be ways around every rule, and a handshake that
// the gateway reads and the upstream does not makes a tunnel into a worker (Envoy CVE-2024-23326).

const fields = {
  origin: `Origin: http://${host}\r\n`,
  connection: 'Connection: Upgrade\r\n',
  upgrade: 'Upgrade: websocket\r\n',
  key: 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  version: 'Sec-WebSocket-Version: 13\r\n',
};
/** A handshake in which some fields are others, or none. */
const handshake = (other: Partial<typeof fields> = {}, start = 'GET /websocket HTTP/1.1'): string =>
  `${start}\r\n${hostField}${Object.values({ ...fields, ...other }).join('')}\r\n`;
const opened = {
  line: 'GET /websocket',
  webSocket: true,
  passed: [
    `origin: http://${host}`,
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version: 13',
  ],
};
const key = (value: string): string => `Sec-WebSocket-Key: ${value}\r\n`;

export const upgradeCases: WireCase[] = [
  ...refusing(
    '400 upgrade_invalid',
    [
      [
        'an upgrade to h2c',
        get(
          'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n',
        ),
      ],
      ['an upgrade to h2c that no Connection names', get('Upgrade: h2c\r\n')],
      ['an upgrade to TLS', get('Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n')],
      ['an upgrade to HTTP/2.0', get('Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n')],
      ['an empty Upgrade', get('Connection: Upgrade\r\nUpgrade:\r\n')],
      ['an upgrade to a websocket with a version', handshake({ upgrade: 'Upgrade: websocket/13\r\n' })],
      ['an upgrade to webSockets', handshake({ upgrade: 'Upgrade: websockets\r\n' })],
      ['an upgrade with a choice', handshake({ upgrade: 'Upgrade: websocket, h2c\r\n' })],
      ['an upgrade with a choice the other way round', handshake({ upgrade: 'Upgrade: h2c, websocket\r\n' })],
      ['an upgrade with an empty choice', handshake({ upgrade: 'Upgrade: websocket,\r\n' })],
      [
        'an upgrade that repeats its Upgrade',
        handshake({ upgrade: 'Upgrade: websocket\r\nUpgrade: websocket\r\n' }),
      ],
      [
        'an upgrade with a second one to h2c',
        handshake({ upgrade: 'Upgrade: websocket\r\nUpgrade: h2c\r\n' }),
      ],
      [
        'an upgrade with a first one to h2c',
        handshake({ upgrade: 'Upgrade: h2c\r\nUpgrade: websocket\r\n' }),
      ],
      ['an upgrade in quotes', handshake({ upgrade: 'Upgrade: "websocket"\r\n' })],
      ['an upgrade with the Kelvin sign', handshake({ upgrade: 'Upgrade: websoc\xe2\x84\xaaet\r\n' })],
      ['an upgrade without a Connection', handshake({ connection: '' })],
      [
        'an upgrade that its Connection does not name',
        handshake({ connection: 'Connection: keep-alive\r\n' }),
      ],
      ['an upgrade whose Connection names upgraded', handshake({ connection: 'Connection: upgraded\r\n' })],
      ['an upgrade without a key', handshake({ key: '' })],
      ['an upgrade with an empty key', handshake({ key: key('') })],
      ['an upgrade with a key of 15 bytes', handshake({ key: key('AAAAAAAAAAAAAAAAAAAA') })],
      ['an upgrade with a key of 17 bytes', handshake({ key: key('AAAAAAAAAAAAAAAAAAAAAAA=') })],
      ['an upgrade with a key that is no base64', handshake({ key: key('dGhlIHNhbXBsZSBub25j-_==') })],
      ['an upgrade with a key and more', handshake({ key: key('dGhlIHNhbXBsZSBub25jZQ==, x') })],
      ['an upgrade with a repeated key', handshake({ key: key('dGhlIHNhbXBsZSBub25jZQ==').repeat(2) })],
      ['an upgrade without a version', handshake({ version: '' })],
      ['an upgrade of version 8', handshake({ version: 'Sec-WebSocket-Version: 8\r\n' })],
      ['an upgrade of version 13 or 8', handshake({ version: 'Sec-WebSocket-Version: 13, 8\r\n' })],
      ['an upgrade of version 013', handshake({ version: 'Sec-WebSocket-Version: 013\r\n' })],
      ['an upgrade by POST', handshake({}, 'POST /websocket HTTP/1.1')],
      ['an upgrade by HEAD', handshake({}, 'HEAD /websocket HTTP/1.1')],
      ['an upgrade by OPTIONS', handshake({}, 'OPTIONS /websocket HTTP/1.1')],
      ['an upgrade in HTTP/1.0', handshake({}, 'GET /websocket HTTP/1.0')],
      ['an upgrade with a body', handshake({ version: `${fields.version}Content-Length: 5\r\n` }) + 'hello'],
      ['an upgrade with an empty body', handshake({ version: `${fields.version}Content-Length: 0\r\n` })],
      [
        'an upgrade with a chunked body',
        handshake({ version: `${fields.version}Transfer-Encoding: chunked\r\n` }) + '0\r\n\r\n',
      ],
    ],
    'either',
  ),
  // Where no tunnel ends, in any zone: a worker of Odoo would take the first frame for a request.
  ...refusing(
    '400 upgrade_invalid',
    [
      ['an upgrade of a path that is no websocket', handshake({}, 'GET /odoo HTTP/1.1')],
      ['an upgrade of the root', handshake({}, 'GET / HTTP/1.1')],
    ],
    'closed',
  ),
  ...refusing(
    '403 origin_not_allowed',
    [
      ['an upgrade from another site', handshake({ origin: 'Origin: http://evil.example\r\n' })],
      ['an upgrade without an Origin', handshake({ origin: '' })],
    ],
    'closed',
  ),
  ...refusing('400 header_invalid', [
    ['an upgrade with a blank before the colon', handshake({ upgrade: 'Upgrade : websocket\r\n' })],
    ['an upgrade on a folded line', handshake({ upgrade: 'Upgrade:\r\n websocket\r\n' })],
    ['an upgrade behind a control character', handshake({ upgrade: 'Upgrade: \x0bwebsocket\r\n' })],
  ]),
  ...refusing(
    '400 host_invalid',
    [['an upgrade with two hosts', handshake({ origin: hostField })]],
    'closed',
  ),
  ...refusing('400 framing_invalid', [
    [
      'an upgrade with two lengths',
      handshake({ version: `${fields.version}Content-Length: 0\r\nContent-Length: 0\r\n` }),
    ],
    [
      'an upgrade with a length that is no number',
      handshake({ version: `${fields.version}Content-Length: x\r\n` }),
    ],
  ]),
  ...[
    ['a handshake', handshake()] as const,
    [
      'a handshake in capitals',
      handshake({ upgrade: 'UPGRADE: WebSocket\r\n', connection: 'CONNECTION: UPGRADE\r\n' }),
    ] as const,
    [
      'a handshake as Firefox sends it',
      handshake({ connection: 'Connection: keep-alive, Upgrade\r\n' }),
    ] as const,
    [
      'a handshake with Upgrade in its second Connection',
      handshake({ connection: 'Connection: keep-alive\r\nConnection: upgrade\r\n' }),
    ] as const,
  ].map(([name, bytes]): WireCase => ({ name, bytes, reaches: [opened], end: 'open' })),
  {
    name: 'a frame behind a handshake, which waits until the upstream has agreed,',
    bytes: `${handshake()}\x81\x85\x01\x02\x03\x04igoho`,
    reaches: [{ ...opened, body: '\x81\x85\x01\x02\x03\x04igoho' }],
  },
  {
    name: 'what looks like a request behind a handshake, as bytes of the tunnel,',
    bytes: handshake() + get('', '/web/database/manager'),
    reaches: [{ ...opened, body: get('', '/web/database/manager') }],
  },
  {
    name: 'a request loses what names a client in its handshake and',
    bytes: handshake({
      version: `${fields.version}X-Forwarded-For: 203.0.113.9\r\nX_Bulkhead_Zone: admin\r\nHTTP2-Settings: x\r\n`,
    }),
    reaches: [opened],
  },
  {
    name: 'an Upgrade with an underscore is dropped: such a request',
    bytes: get('Connection: Upgrade\r\nUpgrade_: websocket\r\n'),
    reaches: [{}],
  },
];
