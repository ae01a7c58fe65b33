import {
  type Fault,
  fine,
  invalid,
  lines,
  okLine,
  request,
  type Sees,
  type Step,
  whole,
  write,
} from './fault.ts';

// What must not become a field of the client's answer (CWE-113, RFC 9110 §§5.5, 7.6.1), and what must stay one.

const answers = (bytes: string): readonly Step[] => [request, write(bytes)];
const withFields = (...fields: string[]): readonly Step[] =>
  answers(`${lines(okLine, ...fields, 'Content-Length: 2')}ok`);

/** RFC 9110 §5.5: everything but HTAB below the blank, and DEL. */
const controls = [...Array.from({ length: 32 }, (_, code) => code).filter((code) => code !== 9), 127];

const values: Fault[] = [
  ...controls.map((code) => ({
    name: `answers with the character ${code} in a value`,
    steps: withFields(`X-A: a${String.fromCharCode(code)}b`),
    sees: invalid,
    scenes: ['alone', 'later'] as const,
  })),
  ...[
    ['a bare CR and a cookie in a value', 'X-A: a\rSet-Cookie: session_id=x'],
    ['a bare LF and a cookie in a value', 'X-A: a\nSet-Cookie: session_id=x'],
    ['a bare LF and a body in a value', 'X-A: a\n\n<script>'],
    ['a bare CR in a Location', 'Location: /a\r\rSet-Cookie: a=b'],
    ['a bare LF in a Location', 'Location: /a\nSet-Cookie: a=b'],
    ['a bare LF in a cookie', 'Set-Cookie: a=b\nSet-Cookie: c=d'],
    ['a bare CR at the end of a cookie', 'Set-Cookie: a=b\r'],
    ['a bare LF at the end of a cookie', 'Set-Cookie: a=b\n'],
    ['a NUL at the end of a cookie', 'Set-Cookie: a=b\0'],
    ['a NUL at the beginning of a value', 'X-A:\0a'],
    ['a vertical tab around a value', 'X-A:\x0ba\x0b'],
    ['a form feed before a length', 'X-A: b\r\nContent-Length:\x0c2'],
  ].map(([what, field = '']) => ({ name: `answers with ${what}`, steps: withFields(field), sees: invalid })),
];

const passes = (...fields: string[]): Sees => whole('ok', { fields, framing: ['content-length: 2'] });

const hopByHop: Fault[] = [
  {
    name: 'says what concerns its own connection',
    steps: withFields(
      'Keep-Alive: timeout=9',
      'Proxy-Connection: keep-alive',
      'Proxy-Authenticate: Basic',
      'TE: trailers',
      'Trailer: X-A',
      'Upgrade: h2c',
      'X-A: b',
    ),
    sees: passes('x-a: b'),
    reuse: 'may',
  },
  {
    name: 'calls fields hop-by-hop',
    steps: withFields('Connection: X-A', 'Connection: close, X-B', 'X-A: 1', 'X-B: 2', 'X-C: 3'),
    sees: passes('x-c: 3'),
  },
  {
    name: 'calls fields hop-by-hop that came before, in other spelling and with empty members',
    steps: withFields('X-A: 1', 'x-b: 2', 'X-AB: 3', 'Connection: , x-A ,,\tX-B,', 'X-A: 4'),
    sees: passes('x-ab: 3'),
    reuse: true,
  },
  {
    name: 'calls its cookies hop-by-hop',
    steps: withFields('Connection: Set-Cookie', 'Set-Cookie: a=b', 'X-A: b', 'Set-Cookie: c=d'),
    sees: passes('x-a: b'),
    reuse: true,
  },
  {
    // The body ends where it ended; what it is told by is ours to choose.
    name: 'calls its length hop-by-hop',
    steps: withFields('Connection: Content-Length', 'X-A: b'),
    sees: whole('ok', { fields: ['x-a: b'] }),
    scenes: ['alone', 'first', 'later', 'old client'],
    reuse: true,
  },
  {
    name: 'calls its coding hop-by-hop',
    steps: answers(
      `${lines(okLine, 'Connection: Transfer-Encoding', 'Transfer-Encoding: chunked')}2\r\nok\r\n0\r\n\r\n`,
    ),
    sees: whole('ok', { fields: [], framing: ['transfer-encoding: chunked'] }),
    reuse: true,
  },
  {
    name: 'calls Connection hop-by-hop',
    steps: withFields('Connection: connection, keep-alive', 'X-A: b'),
    sees: passes('x-a: b'),
    reuse: true,
  },
];

const repeated: Fault[] = [
  {
    name: 'sets cookies in several fields',
    steps: withFields('Set-Cookie: a=1; Path=/', 'X-A: b', 'set-cookie: b="x,y"', 'SET-COOKIE: a=1; Path=/'),
    sees: passes('set-cookie: a=1; Path=/', 'x-a: b', 'set-cookie: b="x,y"', 'set-cookie: a=1; Path=/'),
    reuse: true,
  },
  {
    name: 'sets 300 cookies',
    steps: withFields(...Array.from({ length: 300 }, (_, i) => `Set-Cookie: a${i}=b`)),
    sees: passes(...Array.from({ length: 300 }, (_, i) => `set-cookie: a${i}=b`)),
    reuse: true,
  },
  {
    name: 'repeats other fields',
    steps: withFields('Vary: a', 'Link: <1>', 'Vary: b', 'Link: <2>'),
    sees: passes('vary: a', 'link: <1>', 'vary: b', 'link: <2>'),
    reuse: true,
  },
  {
    name: 'gives the request an id of its own',
    steps: withFields('X-Request-Id: poison', 'X-A: b'),
    sees: passes('x-a: b'),
    reuse: true,
  },
  {
    name: 'has names that mean something in JavaScript',
    steps: withFields('__proto__: a', 'constructor: b', 'hasOwnProperty: c', 'toString: d'),
    sees: passes('__proto__: a', 'constructor: b', 'hasownproperty: c', 'tostring: d'),
    reuse: true,
  },
  {
    name: 'sends bytes above ASCII, which pass as they are',
    steps: withFields('X-A: caf\xe9 \xc3\xa9 \x80\xff'),
    sees: passes('x-a: caf\xe9 \xc3\xa9 \x80\xff'),
    reuse: true,
  },
  {
    name: 'sends a body that looks like an answer',
    steps: answers(fine(fine('poison'))),
    sees: whole(fine('poison')),
    reuse: true,
  },
  {
    name: 'sends a chunk that looks like the end of chunks and an answer',
    steps: answers(
      `${lines(okLine, 'Transfer-Encoding: chunked')}${(5 + fine('poison').length).toString(16)}\r\n0\r\n\r\n${fine('poison')}\r\n0\r\n\r\n`,
    ),
    sees: whole(`0\r\n\r\n${fine('poison')}`),
    reuse: true,
  },
];

export const injectionFaults: readonly Fault[] = [...values, ...hopByHop, ...repeated];
