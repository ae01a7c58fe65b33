import { controlsBut, get, hex, hostField, reaching, refusing, type WireCase } from '../wire-case.ts';

// RFC 9112 §3: method SP request-target SP HTTP-version, with exactly one SP each. Whoever splits at any whitespace finds
// another target in a line than whoever does not.

const line = (text: string): string => `${text}\r\n${hostField}\r\n`;

/** §2.3: HTTP-name is case-sensitive; "HTTP/" DIGIT "." DIGIT. */
const noVersions = [
  'http/1.1',
  'Http/1.1',
  'HTTPS/1.1',
  'XHTTP/1.1',
  'HTTP1.1',
  'HTTP//1.1',
  'HTTP/1',
  'HTTP/1.',
  'HTTP/.1',
  'HTTP/11',
  'HTTP/1,1',
  'HTTP/1.01',
  'HTTP/01.1',
  'HTTP/1.10',
  'HTTP/1.1.1',
  'HTTP/1.1x',
  'HTTP/x.1',
  'HTTP/1.x',
  'HTTP/-1.1',
  'HTTP/+1.1',
  'HTTP/1.1;',
  'HTTP/1.1?x',
  'HTTP',
  'HTTP/',
  '1.1',
  'RTSP/1.0',
  'ICE/1.0',
  'SIP/2.0',
  'HTTP/1.1\xa0',
  'HTTP/\xd9\xa1.1',
  '\xa0HTTP/1.1',
];

export const requestLineCases: WireCase[] = [
  ...refusing(
    '400 framing_invalid',
    controlsBut('\r', '\n').flatMap(
      (control) =>
        [
          [`a method with ${hex(control)}`, line(`G${control}ET /odoo HTTP/1.1`)],
          [`a target with ${hex(control)}`, line(`GET /od${control}oo HTTP/1.1`)],
          [`a version with ${hex(control)}`, line(`GET /odoo HTTP/1${control}.1`)],
          [`a request line that begins with ${hex(control)}`, line(`${control}GET /odoo HTTP/1.1`)],
        ] as const,
    ),
  ),
  ...refusing(
    '400 framing_invalid',
    '"(),/:;<=>?@[\\]{}\x80\xe9'
      .split('')
      .map(
        (character) =>
          [`a method with ${JSON.stringify(character)}`, line(`G${character}T /odoo HTTP/1.1`)] as const,
      ),
  ),
  ...refusing(
    '400 framing_invalid',
    noVersions.map(
      (version) => [`a version of ${JSON.stringify(version)}`, line(`GET /odoo ${version}`)] as const,
    ),
  ),
  ...refusing('400 framing_invalid', [
    ['a blank before the request line', line(' GET /odoo HTTP/1.1')],
    ['two blanks before the target', line('GET  /odoo HTTP/1.1')],
    ['two blanks before the version', line('GET /odoo  HTTP/1.1')],
    ['a blank behind the version', line('GET /odoo HTTP/1.1 ')],
    ['a blank in the target', line('GET /odoo x HTTP/1.1')],
    ['a version in the target', line('GET /odoo HTTP/1.1 HTTP/1.1')],
    ['a blank in the version', line('GET /odoo HTTP/ 1.1')],
    ['a version without its slash', line('GET /odoo HTTP 1.1')],
    ['tabs for blanks', line('GET\t/odoo\tHTTP/1.1')],
    ['a tab for the first blank', line('GET\t/odoo HTTP/1.1')],
    ['a tab for the second blank', line('GET /odoo\tHTTP/1.1')],
    ['a blank and a tab', line('GET \t/odoo HTTP/1.1')],
    ['a no-break space for a blank', line('GET\xa0/odoo HTTP/1.1')],
    ['a line without a method', line(' /odoo HTTP/1.1')],
    ['a line without a target', line('GET HTTP/1.1')],
    ['an empty target', line('GET  HTTP/1.1')],
    ['a line that is a method', line('GET')],
    ['a line that is a method and a blank', line('GET ')],
    ['a line that is a target', line('/odoo')],
    ['a line that is a version', line('HTTP/1.1')],
    ['a line that is a blank', line(' ')],
    ['a status line', line('HTTP/1.1 200 OK')],
    ['a request of RTSP', line('DESCRIBE rtsp://acme.erp.example/odoo RTSP/1.0')],
    ['a request of Icecast', line('SOURCE /odoo ICE/1.0')],
    ['a request of SIP', line('INVITE sip:odoo@acme.erp.example SIP/2.0')],
    // HTTP/0.9, which llhttp takes with fields behind it.
    ['a request without a version', 'GET /odoo\r\n\r\n'],
    ['a request without a version and with fields', line('GET /odoo')],
    ['a request with a blank for a version', line('GET /odoo ')],
    // Longer than any method there is (https://www.iana.org/assignments/http-methods: 20 characters at most).
    ['a method of 33 characters', line(`${'A'.repeat(33)} /odoo HTTP/1.1`)],
    ['a method of 5,000 characters', line(`${'A'.repeat(5000)} /odoo HTTP/1.1`)],
  ]),
  // RFC 9110 §15.6.6: a version that is one, and not ours.
  ...refusing(
    '505 version_not_supported',
    ['0.0', '0.9', '1.2', '1.9', '2.0', '2.1', '3.0', '9.9'].map(
      (version) => [`a request of HTTP/${version}`, line(`GET /odoo HTTP/${version}`)] as const,
    ),
  ),
  // RFC 9110 §9.1, §15.6.2: a method is case-sensitive, and any token is one. None of these is one of Odoo's.
  ...refusing(
    '501 method_not_supported',
    [
      'get',
      'Get',
      'gET',
      'post',
      'BREW',
      'PROPFIND',
      'PROPPATCH',
      'MKCOL',
      'COPY',
      'MOVE',
      'LOCK',
      'PURGE',
      'M-SEARCH',
      'SOURCE',
      'DESCRIBE',
      'QUERY',
      'LINK',
      'PRI',
      'GETX',
      'XGET',
      'GET!',
      '*',
      '_',
      '__proto__',
      'constructor',
      'HTTP',
      'A'.repeat(32),
    ].map((method) => [`a method of ${method}`, line(`${method} /odoo HTTP/1.1`)] as const),
  ),
  ...refusing('501 method_not_supported', [
    // RFC 9110 §9.3.8: an echo of credentials.
    ['TRACE', line('TRACE /odoo HTTP/1.1')],
    ['TRACE with Max-Forwards', 'TRACE /odoo HTTP/1.1\r\nMax-Forwards: 0\r\n' + hostField + '\r\n'],
    ['TRACK', line('TRACK /odoo HTTP/1.1')],
  ]),
  // RFC 9110 §9.3.6: no tunnels. What stands behind one may be meant for a tunnel, so the connection need not go on.
  ...refusing(
    '501 method_not_supported',
    [
      ['CONNECT to an authority', line('CONNECT odoo:8069 HTTP/1.1')],
      ['CONNECT to a path', line('CONNECT /odoo HTTP/1.1')],
      ['CONNECT to our own host', line('CONNECT acme.erp.example:443 HTTP/1.1')],
      ['CONNECT in HTTP/1.0', line('CONNECT odoo:8069 HTTP/1.0')],
    ],
    'either',
  ),
  ...reaching(
    ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map(
      (method) =>
        [`a request of ${method}`, line(`${method} /odoo HTTP/1.1`), { line: `${method} /odoo` }] as const,
    ),
  ),
  ...reaching([
    ['a target of one character', get('', '/'), { line: 'GET /' }],
    ['a target that ends with a version', get('', '/odoo?HTTP/1.1'), { line: 'GET /odoo?HTTP/1.1' }],
    ['a target with a query alone', get('', '/?a'), { line: 'GET /?a' }],
  ]),
];
