import { get, hostField, refusing, type WireCase } from '../wire-case.ts';

// Whoever speaks something else is told at once where the first bytes already say so: a peer that waits for our turn to speak
// would hold a connection for the whole time of a head (RFC 9112 §2.2: 400 and close). None of these has an end of a head
// unless it says so.

export const foreignProtocolCases: WireCase[] = [
  ...refusing('400 framing_invalid', [
    ['the first byte of a TLS hello', '\x16'],
    ['the beginning of a TLS hello', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
    ['a TLS hello with a line end in it', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n'],
    ['a TLS alert', '\x15\x03\x03\0\x02\x01\0'],
    ['an SSL 2 hello', '\x80\x2e\x01\0\x02\0\x15\0\0\0\x10'],
    // RFC 9113 §3.4: PRI is a request of nobody, with a body that is none.
    [
      'the PROXY protocol as bytes',
      `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02`,
    ],
    [
      'the PROXY protocol as bytes in front of a request',
      `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02${get('')}`,
    ],
    [
      'the PROXY protocol as text in front of a request',
      `PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n${get('')}`,
    ],
    ['the PROXY protocol of IPv6 in front of a request', `PROXY TCP6 ::1 ::1 1 2\r\n${get('')}`],
    ['the PROXY protocol of an unknown client in front of a request', `PROXY UNKNOWN\r\n${get('')}`],
    ['SOCKS 4', '\x04\x01\x1f\x90\x7f\0\0\x01\0'],
    ['SOCKS 5', '\x05\x01\0'],
    ['the start packet of PostgreSQL', '\0\0\0\x08\x04\xd2\x16\x2f'],
    ['a query of MongoDB', '\x3a\0\0\0\x01\0\0\0'],
    ['a greeting of SMB', '\0\0\0\x54\xff\x53\x4d\x42'],
    ['a negotiation of telnet', '\xff\xfb\x1f\xff\xfb\x20\0'],
    ['a connect of MQTT', '\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0'],
    ['a connect of RDP', '\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0'],
    ['a query of DNS', '\0\x1d\0\x01\x01\0\0\x01\0\0\0\0\0\0'],
    ['a probe of JDWP in front of a NUL', 'JDWP-Handshake\0'],
    ['a NUL', '\0'],
    ['a delete character', '\x7f'],
    ['a byte order mark in front of a request', `\xef\xbb\xbf${get('')}`],
    ['the byte order mark of UTF-16 in front of text', '\xff\xfeG\0E\0T\0'],
    // Lines of other protocols: no request line (RFC 9112 §3), told when their end has come.
    ['a greeting of SSH', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
    ['a greeting of SMTP', 'EHLO mail.example\r\n\r\n'],
    ['a greeting of SMTP and what follows it', 'EHLO mail.example\r\nMAIL FROM:<a@evil.example>\r\n\r\n'],
    ['a command of FTP', 'USER anonymous\r\n\r\n'],
    ['a command of POP3', 'CAPA\r\n\r\n'],
    ['a command of IMAP', 'a1 LOGIN x y\r\n\r\n'],
    ['a command of Redis', '*1\r\n$4\r\nPING\r\n\r\n'],
    ['a command of Redis in a line', 'CONFIG GET *\r\n\r\n'],
    ['a command of memcached', 'get session_id\r\n\r\n'],
    ['a command of memcached that sets', 'set session_id 0 0 5\r\nhello\r\n\r\n'],
    ['a request of Gopher', '/\r\n\r\n'],
    ['a request of FastCGI', '\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0'],
    ['a request of AJP', '\x12\x34\0\x01\x0a'],
    ['a request of uWSGI', '\0\x1a\0\0\x0e\0REQUEST_METHOD'],
    ['a request of SCGI', '70:CONTENT_LENGTH\x0027\0'],
    ['text of nobody', 'hello world\r\n\r\n'],
    ['an answer of HTTP', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ]),
  ...refusing('505 version_not_supported', [
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['the preface of HTTP/2 with its settings', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
    ['the preface of HTTP/2 with fields', `PRI * HTTP/2.0\r\n${hostField}\r\nSM\r\n\r\n`],
  ]),
];
