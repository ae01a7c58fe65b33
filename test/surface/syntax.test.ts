import {
  describeWire,
  framingInvalid,
  headerInvalid,
  host,
  hostField,
  hostInvalid,
  type WireCase,
} from './wire-case.ts';

// Line ends, fields, request lines and hosts (RFC 9112 §2.2, §3, §5): what one parser repairs, the next one reads otherwise.

const get = (fields: string): string => `GET /odoo HTTP/1.1\r\n${hostField}${fields}\r\n`;
const versionRefused = { refused: { status: 505, reason: 'version_not_supported' }, closes: true } as const;
const targetInvalid = { refused: { status: 400, reason: 'target_invalid' } } as const;
const methodRefused = { refused: { status: 501, reason: 'method_not_supported' } } as const;
const tooLarge = { refused: { status: 431, reason: 'header_too_large' }, closes: true } as const;

const lineEnds: WireCase[] = [
  { name: 'a bare LF between fields', bytes: get('Accept: a\nX-B: c\r\n'), ...framingInvalid },
  { name: 'a bare CR within a value', bytes: get('Accept: a\rb\r\n'), ...framingInvalid },
  {
    name: 'a bare CR that would end a field',
    bytes: get('Accept: a\rTransfer-Encoding: chunked\r\n'),
    ...framingInvalid,
  },
  {
    name: 'a head that ends with a bare LF',
    bytes: `GET /odoo HTTP/1.1\r\n${hostField}Accept: a\r\n\n`,
    ...headerInvalid,
  },
  { name: 'a folded line', bytes: get('Accept: a\r\n b\r\n'), ...headerInvalid },
  {
    name: 'a blank before the first field',
    bytes: `GET /odoo HTTP/1.1\r\n X-A: 1\r\n${hostField}\r\n`,
    ...framingInvalid,
  },
  {
    name: 'a request behind empty lines',
    bytes: `\r\n\r\n${get('')}`,
    reaches: {},
  },
];

const fields: WireCase[] = [
  ...['\0', '\x01', '\x0b', '\x1f', '\x7f'].map((control) => ({
    name: `a value with ${JSON.stringify(control)}`,
    bytes: get(`Accept: a${control}b\r\n`),
    ...headerInvalid,
  })),
  ...['', 'X A', 'X(A)', 'X\0A', 'X\xe9', 'X/A', 'X"A'].map((name) => ({
    name: `a field called ${JSON.stringify(name)}`,
    bytes: get(`${name}: x\r\n`),
    ...headerInvalid,
  })),
  { name: 'a field without a colon', bytes: get('Accept\r\n'), ...headerInvalid },
  { name: 'a tab before the colon', bytes: get('Accept\t: x\r\n'), ...headerInvalid },
  { name: 'a tab within a value', bytes: get('Accept: a\tb\r\n'), reaches: { passed: ['accept: a\tb'] } },
  {
    name: 'a value in Latin-1',
    bytes: get('User-Agent: caf\xe9\r\n'),
    reaches: { passed: ['user-agent: caf\xe9'] },
  },
  { name: 'an empty value', bytes: get('Accept:\r\n'), reaches: { passed: ['accept: '] } },
  {
    // Node CVE-2026-21710: a lookup of these names in a plain object throws or answers.
    name: 'a request with names of the object prototype loses them and',
    bytes: get('__proto__: x\r\nconstructor: x\r\nhasOwnProperty: x\r\nAccept: q\r\n'),
    reaches: { passed: ['accept: q'] },
  },
  {
    name: 'a request with names that CGI cannot tell apart loses them and',
    bytes: get(
      'X_Forwarded_For: 203.0.113.9\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\nHost_: x\r\n',
    ),
    reaches: {},
  },
  { name: 'a request of 101 fields', bytes: get('X-A: 1\r\n'.repeat(100)), ...tooLarge },
  {
    name: 'a coding behind the 2000 fields that node:http keeps',
    bytes: get(`${'X-A: 1\r\n'.repeat(2100)}Transfer-Encoding: chunked\r\n`),
    ...tooLarge,
  },
  { name: 'a request of 100 fields', bytes: get('X-A: 1\r\n'.repeat(99)), reaches: {} },
  { name: 'a head of 40 KB', bytes: get(`X-A: ${'a'.repeat(40_000)}\r\n`), ...tooLarge },
  {
    name: 'a target of 9 KB',
    bytes: `GET /odoo?${'a'.repeat(9_000)} HTTP/1.1\r\n${hostField}\r\n`,
    refused: { status: 414, reason: 'target_too_long' },
    closes: true,
  },
  ...['Authorization', 'Content-Type', 'Origin'].map((name) => ({
    name: `a repeated ${name}`,
    bytes: get(`${name}: a\r\n${name.toLowerCase()}: a\r\n`),
    refused: { status: 400, reason: 'header_invalid' } as const,
  })),
];

const requestLines: WireCase[] = [
  { name: 'a request of one line', bytes: 'GET /odoo\r\n\r\n', ...versionRefused },
  {
    name: 'a request line without a version and with fields',
    bytes: `GET /odoo\r\n${hostField}\r\n`,
    ...versionRefused,
  },
  ...['HTTP/0.9', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/3.0', 'HTTP/1.01', 'HTTP/1.10', 'HTTP/1', 'HTTP/1,1'].map(
    (version) => ({
      name: `a request of ${version}`,
      bytes: `GET /odoo ${version}\r\n${hostField}\r\n`,
      ...versionRefused,
    }),
  ),
  ...['http/1.1', 'HTTPS/1.1', 'HTTP 1.1', 'XTTP/1.1'].map((version) => ({
    name: `a request of ${version}`,
    bytes: `GET /odoo ${version}\r\n${hostField}\r\n`,
    refused: { status: 400, reason: 'framing_invalid' } as const,
    closes: true,
  })),
  { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ...framingInvalid },
  { name: 'a TLS hello', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', ...framingInvalid },
  {
    name: 'the PROXY protocol as text',
    bytes: `PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n${get('')}`,
    ...framingInvalid,
  },
  {
    name: 'the PROXY protocol as bytes',
    bytes: `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02${get('')}`,
    ...framingInvalid,
  },
  { name: 'a blank before the request line', bytes: ` ${get('')}`, ...framingInvalid },
  { name: 'a request line with tabs', bytes: `GET\t/odoo\tHTTP/1.1\r\n${hostField}\r\n`, ...framingInvalid },
  { name: 'a blank in the target', bytes: `GET /odoo x HTTP/1.1\r\n${hostField}\r\n`, ...framingInvalid },
  {
    name: 'a control character in the target',
    bytes: `GET /od\x01oo HTTP/1.1\r\n${hostField}\r\n`,
    ...framingInvalid,
  },
  { name: 'a method in lower case', bytes: `get /odoo HTTP/1.1\r\n${hostField}\r\n`, ...framingInvalid },
  { name: 'a method of nobody', bytes: `BREW /odoo HTTP/1.1\r\n${hostField}\r\n`, ...framingInvalid },
  { name: 'TRACE', bytes: `TRACE /odoo HTTP/1.1\r\n${hostField}\r\n`, ...methodRefused },
  {
    name: 'CONNECT',
    bytes: `CONNECT odoo:8069 HTTP/1.1\r\n${hostField}\r\n`,
    ...methodRefused,
    closes: true,
  },
  {
    name: 'CONNECT to a path',
    bytes: `CONNECT /odoo HTTP/1.1\r\n${hostField}\r\n`,
    ...methodRefused,
    closes: true,
  },
  { name: 'a method of RTSP', bytes: `DESCRIBE /odoo RTSP/1.0\r\n${hostField}\r\n`, ...methodRefused },
  { name: 'a method of Icecast', bytes: `SOURCE /odoo ICE/1.0\r\n${hostField}\r\n`, ...methodRefused },
  { name: 'PROPFIND', bytes: `PROPFIND /odoo HTTP/1.1\r\n${hostField}\r\n`, ...methodRefused },
  {
    // The parser of node:http tells nobody the name of the protocol. What goes on is a request of ours, in HTTP.
    name: 'a GET of RTSP is read as HTTP/1.0 and',
    bytes: `GET /odoo RTSP/1.0\r\n${hostField}\r\n`,
    reaches: {},
  },
  { name: 'a request of HTTP/1.0', bytes: `GET /odoo HTTP/1.0\r\n${hostField}\r\n`, reaches: {} },
];

const hosts: WireCase[] = [
  { name: 'a request without a Host', bytes: 'GET /odoo HTTP/1.1\r\n\r\n', ...hostInvalid, closes: true },
  {
    name: 'a request of HTTP/1.0 without a Host',
    bytes: 'GET /odoo HTTP/1.0\r\n\r\n',
    ...hostInvalid,
    closes: true,
  },
  { name: 'a repeated Host', bytes: get(hostField), ...hostInvalid, closes: true },
  {
    name: 'a second Host in another case',
    bytes: get('HOST: admin.erp.example\r\n'),
    ...hostInvalid,
    closes: true,
  },
  {
    name: 'a Host with a blank before its colon',
    bytes: `GET /odoo HTTP/1.1\r\nHost : ${host}\r\n\r\n`,
    ...headerInvalid,
  },
  ...[
    '',
    `user@${host}`,
    `user:pw@${host}`,
    `${host}/x`,
    `${host}?x`,
    `${host}#x`,
    `${host}\\x`,
    `${host}, evil.example`,
    `${host};x`,
    `acme .erp.example`,
    `${host}:0`,
    `${host}:65536`,
    `${host}:`,
    `${host}:80:80`,
    `${host}:+80`,
    `${host}:080`,
    `${host}..`,
    `.${host}`,
    `acme..erp.example`,
    `acme%2eerp.example`,
    'acm\xe9.erp.example',
    'http://acme.erp.example',
    '[::1',
    '0x7f000001',
  ].map((value) => ({
    name: `a Host of ${JSON.stringify(value)}`,
    bytes: `GET /odoo HTTP/1.1\r\nHost: ${value}\r\n\r\n`,
    ...hostInvalid,
  })),
  {
    name: 'a host of nobody',
    bytes: 'GET /odoo HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    refused: { status: 404, reason: 'no_zone' },
  },
  {
    // http-proxy-middleware CVE-2026-55602 took a host for one that it only contains.
    name: 'a host that contains one of ours',
    bytes: `GET /odoo HTTP/1.1\r\nHost: ${host}.evil.example\r\n\r\n`,
    refused: { status: 404, reason: 'no_zone' },
  },
  {
    name: 'a Host in capitals, with a port and a trailing dot, is spelled as the zone rule saw it and',
    bytes: 'GET /odoo HTTP/1.1\r\nHost: ACME.erp.Example.:8443\r\n\r\n',
    reaches: {
      fields: [
        'connection: close',
        `host: ${host}:8443`,
        'traceparent: *',
        'x-bulkhead-tenant: acme',
        'x-bulkhead-workload: interactive',
        'x-bulkhead-zone: employee',
        'x-forwarded-for: 127.0.0.1',
        `x-forwarded-host: ${host}:8443`,
        'x-forwarded-proto: http',
        'x-request-id: *',
      ],
    },
  },
  {
    name: 'an absolute target that agrees with the Host',
    bytes: `GET http://${host}/odoo HTTP/1.1\r\n${hostField}\r\n`,
    ...targetInvalid,
  },
  {
    name: 'an absolute target that names another host',
    bytes: `GET http://admin.erp.example/web/database/manager HTTP/1.1\r\n${hostField}\r\n`,
    ...targetInvalid,
  },
  {
    name: 'an absolute target without //',
    bytes: `GET http:/odoo HTTP/1.1\r\n${hostField}\r\n`,
    ...framingInvalid,
  },
  {
    name: 'a target that is an authority',
    bytes: `GET ${host}:80 HTTP/1.1\r\n${hostField}\r\n`,
    ...framingInvalid,
  },
  { name: 'a target of *', bytes: `OPTIONS * HTTP/1.1\r\n${hostField}\r\n`, ...targetInvalid },
];

describeWire('line ends', lineEnds);
describeWire('fields', fields);
describeWire('request lines', requestLines);
describeWire('hosts and forms of the target', hosts);
