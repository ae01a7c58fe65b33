import fc, { type Arbitrary } from 'fast-check';
import { framing } from './framing.ts';
import {
  connectionField,
  fieldLine,
  joined,
  lineEnd,
  mostly,
  mostlyIs,
  otherFields,
  spelled,
  upgradeField,
} from './grammar.ts';
import { type Mutation, mutate, mutations } from './mutations.ts';
import type { RequestStream } from './our-requests.ts';

const method = mostly(
  fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'),
  [
    'get',
    'Get',
    'TRACE',
    'PROPFIND',
    'QUERY',
    'CONNECT',
    'PRI',
    'FOO',
    'M-SEARCH',
    'GE T',
    '',
    'GET\0',
    'G\xcbT',
    '"GET"',
    ' GET',
    '\0',
    'SOURCE',
    'DESCRIBE',
    'GE',
    'GETX',
    '\x16\x03\x01',
  ],
  30,
);
const target = mostly(
  fc.constantFrom('/', '/odoo', '/web?a=b', '*', 'http://a/x', '/%2e%2e/'),
  [
    '',
    'odoo',
    '/a b',
    '/\0',
    '/\x7f',
    '/\xe9',
    '/\xff',
    '/a\tb',
    '/#x',
    '//x',
    '\\',
    'a:80',
    'http:/x',
    'http://',
    'http://u@h/x',
    '/a\x0bb',
    '?',
    '#',
    '[::1]:80',
    'ftp://a/',
    '/"<>^`{|}',
    'HTTP/1.1',
    '\xa0/',
    '1',
    'http://a:b/',
    'http://[::1/',
    'h\xe9ttp://a/',
    'https://a?x',
    'a',
    '@',
  ],
  20,
);
const version = mostlyIs(
  'HTTP/1.1',
  [
    'HTTP/1.0',
    'HTTP/1.0',
    'HTTP/1.0',
    'HTTP/1.2',
    'HTTP/2.0',
    'HTTP/0.9',
    'HTTP/1',
    'HTTP/11',
    'HTTP/1.01',
    'HTTP/1.1 ',
    'http/1.1',
    'RTSP/1.0',
    'ICE/1.0',
    'HTTP/1,1',
    'HTTP/9.9',
    '',
    'HTTP /1.1',
    'HTTP/1.1\0',
    '\tHTTP/1.1',
    'HTTP/3.0',
  ],
  12,
);
const space = mostlyIs(' ', ['  ', '\t', '', '\x0b', '\xa0', '\r\n ', ' \t'], 60);

const host = mostlyIs(
  'Host: acme.erp.example\r\n',
  ['', 'Host: a\r\nHost: b\r\n', 'host:\r\n', 'Host: a\r\n b\r\n', 'Host : a\r\n'],
  15,
);
const expectField = fieldLine(
  spelled('Expect'),
  mostlyIs('100-continue', ['100-Continue', '200-ok', '', '100-continue, x', '100'], 4),
);

const oneRequest = fc
  .record({
    line: joined(method, space, target, space, version, lineEnd),
    host,
    before: otherFields(connectionField, expectField, upgradeField),
    framing,
    behind: otherFields(connectionField),
    end: lineEnd,
  })
  .map((r) => r.line + r.host + r.before + r.framing.fields + r.behind + r.end + r.framing.body);

/** RFC 9112 §2.2. */
const between = mostlyIs('', ['\r\n', '\r\n\r\n', '\r\n\r\n\r\n', '\n', '\r', ' ', '\0', 'x'], 12);
/** Shows where each parser thinks the next request begins. */
const canary = 'GET /canary HTTP/1.1\r\nHost: canary\r\n\r\n';
const behind = mostlyIs(
  canary,
  ['', 'GET /canary HT', `\r\n${canary}`, `${canary}${canary}`, '0\r\n\r\n'],
  3,
);

function streamOf(text: Arbitrary<string>): Arbitrary<RequestStream> {
  return fc.record({
    bytes: text.map((latin1) => Buffer.from(latin1, 'latin1')),
    streamedAnswers: fc.boolean(),
  });
}

/** Pipelined requests by the grammar, with defects in all places. */
export const requestStreams: Arbitrary<RequestStream> = streamOf(
  joined(
    fc.array(joined(between, oneRequest), { minLength: 1, maxLength: 3 }).map((all) => all.join('')),
    between,
    behind,
  ),
);

/** Cases of a table, altered in some places, in front of one more request. */
export function mutatedRequests(cases: readonly string[]): Arbitrary<RequestStream> {
  const altered = fc
    .tuple(fc.nat(cases.length - 1), mutations)
    .map(([index, changes]: [number, Mutation[]]) => mutate(cases[index] ?? '', changes, cases));
  return streamOf(joined(altered, behind));
}
