import {
  chunkedHead,
  end,
  type Fault,
  fine,
  fiveHead,
  clientHas,
  invalid,
  lines,
  okLine,
  read,
  request,
  type Scene,
  type Sees,
  type Step,
  whole,
  write,
} from './fault.ts';

// Where the body of an answer ends (RFC 9112 §§6.3, 8); chunks are in `chunks.ts`.

const answers = (bytes: string): readonly Step[] => [request, write(bytes)];
const answersAndEnds = (bytes: string): readonly Step[] => [request, write(bytes), end];
const everyScene: readonly Scene[] = ['alone', 'first', 'later', 'old client'];
const hello = whole('hello');

const lengths: Fault[] = [
  ...[
    '-5',
    '+5',
    '0x5',
    '5 5',
    '5, 5',
    '5, 6',
    '5,',
    ',5',
    'five',
    '5;',
    '5.0',
    '5e0',
    '1e1',
    '"5"',
    '5\xa0',
    '\xb2',
    '',
    ' ',
    '99999999999999999999',
    '9007199254740993',
    '18446744073709551621',
    '4294967301e0',
  ].map((length) => ({
    name: `says its length is ${JSON.stringify(length)}`,
    steps: answers(`${lines(okLine, `Content-Length: ${length}`)}hello`),
    sees: invalid,
  })),
  ...['5', '05', '000005', '\t 5 \t'].map((length) => ({
    name: `says its length is ${JSON.stringify(length)}`,
    steps: answers(`${lines(okLine, `Content-Length: ${length}`)}hello`),
    sees: hello,
    reuse: true,
  })),
  {
    // RFC 9110 §8.6 leaves the choice: refuse it, or pass it on once.
    name: 'says the same length twice',
    steps: answers(`${lines(okLine, 'Content-Length: 5', 'X-A: b', 'content-length: 5')}hello`),
    sees: [invalid, whole('hello', { fields: ['x-a: b'], framing: ['content-length: 5'] })],
    reuse: 'may',
  },
  ...(
    [
      ['two lengths', '5', '6'],
      ['two lengths, the longer one first', '6', '5'],
      ['a length and an empty one', '5', ''],
      ['two spellings of a length', '5', '+5'],
      ['no length, and then one', '0', '5'],
    ] satisfies [string, string, string][]
  ).map(([what, first, second]) => ({
    name: `says ${what}`,
    steps: answers(`${lines(okLine, `Content-Length: ${first}`, `Content-Length: ${second}`)}hello`),
    sees: invalid,
  })),
];

const chunkedHello = '5\r\nhello\r\n0\r\n\r\n';

/** RFC 9112 §6.1: what could be read in two ways is read in none. */
const codings: Fault[] = [
  ...(
    [
      ['a length beside a coding', 'Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['a coding beside a length', 'Transfer-Encoding: chunked', 'Content-Length: 5'],
      [
        'a coding beside a length that fits',
        'Transfer-Encoding: chunked',
        `Content-Length: ${chunkedHello.length}`,
      ],
      ['a coding beside a length of nothing', 'Transfer-Encoding: chunked', 'Content-Length: 0'],
      ['an unknown coding beside a length', 'Transfer-Encoding: x', 'Content-Length: 5'],
      ['its coding twice', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
      ['two codings in two lines', 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'],
      ['a coding and none', 'Transfer-Encoding: chunked', 'Transfer-Encoding:'],
      ['a blank before the colon of a coding', 'Transfer-Encoding : chunked', 'X-A: b'],
      ['a coding in a folded line', 'Transfer-Encoding:', ' chunked'],
    ] satisfies [string, string, string][]
  ).map(([what, ...fields]) => ({
    name: `says ${what}`,
    steps: answers(`${lines(okLine, ...fields)}${chunkedHello}`),
    sees: invalid,
  })),
  ...[
    '',
    'identity',
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'identity, chunked',
    'chunked, identity',
    'chunked;q=1',
    'chunked,',
    ', chunked',
    'xchunked',
    'chunkedx',
    '"chunked"',
    'chun ked',
    'chunked\x0b',
    '\xa0chunked',
  ].map((coding) => ({
    name: `says its coding is ${JSON.stringify(coding)}`,
    steps: answersAndEnds(`${lines(okLine, `Transfer-Encoding: ${coding}`)}${chunkedHello}`),
    sees: invalid,
  })),
  {
    name: 'spells its coding with capitals',
    steps: answers(`${lines(okLine, 'Transfer-Encoding: Chunked')}${chunkedHello}`),
    sees: hello,
    reuse: true,
  },
  {
    name: 'answers in chunks in HTTP/1.0',
    steps: answersAndEnds(`${lines('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked')}${chunkedHello}`),
    sees: invalid,
  },
];

/** RFC 9112 §6.3 (8): the end of the connection is the end of the body. */
const closeDelimited: Fault[] = [
  ...(
    [
      ['in HTTP/1.0', ['HTTP/1.0 200 OK']],
      ['in HTTP/1.1', [okLine]],
      ['and says so', [okLine, 'Connection: close']],
      ['though it speaks of keep-alive', ['HTTP/1.0 200 OK', 'Connection: keep-alive']],
    ] satisfies [string, string[]][]
  ).flatMap(([how, head]): Fault[] => {
    const name = `ends its body with the connection ${how}`;
    const steps = [request, write(`${lines(...head)}hel`), clientHas('hel'), write('lo'), end];
    return [
      { name, steps, sees: whole('hello', { framing: ['transfer-encoding: chunked'] }) },
      // HTTP/1.0 knows no chunks.
      { name, steps, sees: whole('hello', { framing: [] }), scenes: ['old client'] },
    ];
  }),
  {
    name: 'ends an empty body with the connection',
    steps: answersAndEnds(lines('HTTP/1.0 200 OK')),
    sees: whole(''),
    scenes: everyScene,
  },
];

const helloWithout = (status: string): string => `${lines(`HTTP/1.1 ${status}`, 'Content-Length: 5')}hello`;

/** RFC 9112 §6.3 (1): no body, whatever the fields say. What follows is nobody's answer. */
const bodiless: Fault[] = [
  ...(
    [
      [204, 'No Content', 'Content-Length: 5'],
      [204, 'No Content', 'Transfer-Encoding: chunked'],
      [304, 'Not Modified', 'Content-Length: 5'],
      [304, 'Not Modified', 'Transfer-Encoding: chunked'],
    ] satisfies [number, string, string][]
  ).flatMap(([status, phrase, field]): Fault[] => [
    {
      name: `says ${status} and ${field}`,
      steps: answers(lines(`HTTP/1.1 ${status} ${phrase}`, field)),
      sees: whole('', { status }),
      scenes: everyScene,
      reuse: 'may',
    },
    {
      name: `says ${status} and ${field} and sends that body`,
      steps: answers(
        `${lines(`HTTP/1.1 ${status} ${phrase}`, field)}${field.endsWith('d') ? chunkedHello : 'hello'}`,
      ),
      sees: whole('', { status }),
    },
  ]),
  {
    name: 'says 204 and nothing else',
    steps: answers(lines('HTTP/1.1 204 No Content', 'ETag: x')),
    sees: whole('', { status: 204, fields: ['etag: x'], framing: [] }),
    scenes: everyScene,
    reuse: true,
  },
  {
    // RFC 9110 §8.6: a length with 204 is not followed in that.
    name: 'says 204 and a length of 0',
    steps: answers(lines('HTTP/1.1 204 No Content', 'Content-Length: 0', 'ETag: x')),
    sees: whole('', { status: 204, fields: ['etag: x'], framing: [] }),
    reuse: true,
  },
  {
    name: 'says 304 and the length of what it does not send',
    steps: answers(lines('HTTP/1.1 304 Not Modified', 'Content-Length: 5')),
    sees: whole('', { status: 304, framing: ['content-length: 5'] }),
    reuse: true,
  },
  ...['Content-Length: 5', 'Transfer-Encoding: chunked'].map((field): Fault => ({
    name: `answers HEAD with ${field}`,
    request: { method: 'HEAD' },
    steps: answers(lines(okLine, field)),
    sees: whole(''),
    scenes: everyScene,
    reuse: true,
  })),
  {
    name: 'answers HEAD with the length of what GET would give',
    request: { method: 'HEAD' },
    steps: answers(lines(okLine, 'Content-Length: 5')),
    sees: whole('', { framing: ['content-length: 5'] }),
    reuse: true,
  },
  {
    name: 'answers HEAD without a length',
    request: { method: 'HEAD' },
    steps: answers(lines(okLine)),
    sees: whole(''),
    reuse: 'may',
  },
  {
    name: 'sends a body to HEAD',
    request: { method: 'HEAD' },
    steps: answers(fine('hello')),
    sees: whole(''),
    scenes: everyScene,
  },
  {
    name: 'sends chunks to HEAD',
    request: { method: 'HEAD' },
    steps: answers(`${chunkedHead}${chunkedHello}`),
    sees: whole(''),
  },
  {
    name: 'sends a body to HEAD that looks like an answer',
    request: { method: 'HEAD' },
    steps: answers(fine(fine('poison'))),
    sees: whole(''),
  },
  {
    name: 'sends an error to HEAD with a length in two readings',
    request: { method: 'HEAD' },
    steps: answers(lines('HTTP/1.1 500 Oh', 'Content-Length: 5', 'Content-Length: 6')),
    sees: invalid,
  },
  {
    name: 'says 204 beside a length in two readings',
    steps: answers(lines('HTTP/1.1 204 No Content', 'Content-Length: 5', 'Transfer-Encoding: chunked')),
    sees: invalid,
  },
];

/** The connection must not be used again: it holds bytes that nobody asked for. */
const tooMuch: Fault[] = [
  ['more than its length', `${fiveHead}hello, world`, 'hello'],
  ['one byte more than its length', `${fiveHead}hello\n`, 'hello'],
  ['an empty line behind its body', `${fiveHead}hello\r\n`, 'hello'],
  ['a body with a length of 0', `${lines(okLine, 'Content-Length: 0')}hello`, ''],
  ['bytes behind its last chunk', `${chunkedHead}${chunkedHello}\r\n`, 'hello'],
  ['a second last chunk', `${chunkedHead}${chunkedHello}0\r\n\r\n`, 'hello'],
  ['a second answer', `${fine('first')}${fine('second')}`, 'first'],
  ['a second answer behind chunks', `${chunkedHead}${chunkedHello}${fine('second')}`, 'hello'],
  ['a hundred answers', fine('first') + fine('poison').repeat(100), 'first'],
  ['news behind its answer', `${fine('first')}${lines('HTTP/1.1 100 Continue')}`, 'first'],
  ['a refusal behind its answer', `${fine('first')}${helloWithout('400 Bad Request')}`, 'first'],
].map(([what, bytes = '', body = '']) => ({
  name: `sends ${what}`,
  steps: answers(bytes),
  sees: whole(body) satisfies Sees,
}));

const shaped: Fault[] = [
  ...(
    [
      ['in HTTP/1.0', lines('HTTP/1.0 200 OK', 'Content-Length: 5')],
      ['and says close', lines(okLine, 'Connection: close', 'Content-Length: 5')],
      ['and says Close', lines(okLine, 'Connection: Close', 'Content-Length: 5')],
      ['and says close among others', lines(okLine, 'Connection: X-A,close', 'Content-Length: 5')],
      [
        'and says close and keep-alive',
        lines(okLine, 'Connection: keep-alive', 'Connection: close', 'Content-Length: 5'),
      ],
    ] satisfies [string, string][]
  ).map(([how, head]) => ({
    // RFC 9112 §9.3: the connection does not persist, though the upstream holds it open.
    name: `answers ${how} and does not close`,
    steps: answers(`${head}hello`),
    sees: hello,
    scenes: everyScene,
  })),
  {
    name: 'answers in HTTP/1.0 and wants to go on',
    steps: answers(`${lines('HTTP/1.0 200 OK', 'Connection: keep-alive', 'Content-Length: 5')}hello`),
    sees: hello,
    reuse: 'may',
  },
  {
    name: 'answers in pieces',
    steps: [
      request,
      write('HTTP/1.1 2'),
      read,
      write('00 OK\r\nContent-Le'),
      read,
      write('ngth: 5\r'),
      read,
      write('\n\r'),
      read,
      write('\nhel'),
      read,
      write('lo'),
    ],
    sees: hello,
    scenes: everyScene,
    reuse: true,
  },
];

export const framingFaults: readonly Fault[] = [
  ...lengths,
  ...codings,
  ...closeDelimited,
  ...bodiless,
  ...tooMuch,
  ...shaped,
];
