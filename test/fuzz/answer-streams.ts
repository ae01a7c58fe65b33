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
import { mutate, mutations } from './mutations.ts';
import type { AnswerStream } from './our-answers.ts';

const version = mostlyIs(
  'HTTP/1.1',
  [
    'HTTP/1.0',
    'HTTP/1.0',
    'HTTP/1.2',
    'HTTP/2.0',
    'HTTP/0.9',
    'HTTP/1',
    'http/1.1',
    'HTTP/1.01',
    'ICY',
    'RTSP/1.0',
    'HTTP/11',
    '',
    'HTTP/1.1\0',
    ' HTTP/1.1',
    'HTTP/3.0',
  ],
  8,
);
const status = mostly(
  fc.constantFrom('200', '200', '204', '304', '302', '404', '500', '206', '205'),
  [
    '100',
    '101',
    '199',
    '103',
    '000',
    '099',
    '600',
    '999',
    '20',
    '2000',
    '0200',
    '+200',
    '2 0',
    '-00',
    '',
    'abc',
    '20\0',
    '200.0',
    '1e2',
    '\xb200',
  ],
  10,
);
const reason = mostlyIs(
  ' OK',
  ['', ' ', '  ', ' \xe9', ' a\tb', '\tOK', ' O\0K', ' O\rK', ' \x7f', 'OK', ' \x0b', ' a b c', ' 200'],
  5,
);
const space = mostlyIs(' ', ['  ', '\t', '', '\x0b', '\r\n '], 60);
const keepAliveField = fieldLine(
  spelled('Keep-Alive'),
  fc.constantFrom('timeout=5', 'timeout=0', 'timeout=-1', 'max=1', ''),
);

const interim = mostlyIs(
  '',
  [
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n',
    'HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 102 P\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.0 100 Continue\r\n\r\n',
    'HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    '\r\n',
    '\n',
    ' ',
    'HTTP/1.1 100 Continue\r\n\r\n'.repeat(17),
  ],
  5,
);
const surplus = mostlyIs(
  '',
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '\r\n', 'x', '0\r\n\r\n', '\r\nHTTP/1.1 200 OK\r\n\r\n'],
  5,
);

const answer = fc
  .record({
    interim,
    line: joined(version, space, status, reason, lineEnd),
    before: otherFields(connectionField, keepAliveField, upgradeField),
    framing,
    behind: otherFields(connectionField),
    end: lineEnd,
    surplus,
  })
  .map(
    (a) => a.interim + a.line + a.before + a.framing.fields + a.behind + a.end + a.framing.body + a.surplus,
  );

function streamOf(text: Arbitrary<string>): Arbitrary<AnswerStream> {
  return fc.record({
    bytes: text.map((latin1) => Buffer.from(latin1, 'latin1')),
    toHead: mostly(fc.constant(false), [true], 10),
    ends: fc.boolean(),
  });
}

/** Answers by the grammar, with defects in all places. */
export const answerStreams: Arbitrary<AnswerStream> = streamOf(answer);

const plainAnswers = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/html\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nX-T: a\r\n\r\n',
  'HTTP/1.0 200 OK\r\nServer: Werkzeug\r\nConnection: close\r\n\r\nhello until the end',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 500\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 303 SEE OTHER\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nKeep-Alive: timeout=5\r\nContent-Length: 3\r\n\r\nabc',
];

/** Plain answers, altered in some places. */
export const mutatedAnswers: Arbitrary<AnswerStream> = streamOf(
  fc
    .tuple(fc.nat(plainAnswers.length - 1), mutations)
    .map(([index, changes]) => mutate(plainAnswers[index] ?? '', changes, plainAnswers)),
);
