import {
  bodyByte,
  broken,
  brokenByTimeout,
  chunkedHead,
  clientHas,
  closed,
  elsewhere,
  end,
  type Fault,
  type FaultRequest,
  fine,
  fiveHead,
  head,
  invalid,
  lines,
  okLine,
  read,
  request,
  reset,
  type Sees,
  stale,
  type Step,
  timeout,
  whole,
  write,
} from './fault.ts';

// FIN, reset and silence in every phase of an exchange (RFC 9112 §§8, 9.5), and what happens between two exchanges.

/** Where an answer stops: nothing of it is there, a part of its head, or a part of the body that the client may have. */
interface Stop {
  where: string;
  steps: readonly Step[];
  request?: FaultRequest;
  has: 'nothing' | 'head' | { body: string };
}

const after = (bytes: string): readonly Step[] => [request, write(bytes), read];
const inBody = (bytes: string, body: string): Pick<Stop, 'steps' | 'has'> => ({
  steps: body === '' ? after(bytes) : [request, write(bytes), clientHas(body)],
  has: { body },
});

const stops: Stop[] = [
  {
    where: 'with the head of a request',
    request: { method: 'PUT', body: 'x'.repeat(100_000) },
    steps: [head],
    has: 'nothing',
  },
  {
    where: 'within the body of a POST',
    request: { method: 'POST', body: 'x'.repeat(500_000) },
    steps: [bodyByte],
    has: 'nothing',
  },
  ...['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'POST', 'PATCH'].map((method): Stop => ({
    where: `with ${method}`,
    request: { method, ...(method.startsWith('P') && { body: 'pay' }) },
    steps: [request],
    has: 'nothing',
  })),
  { where: 'behind the first byte', steps: after('H'), has: 'head' },
  {
    where: 'behind the first byte for POST',
    request: { method: 'POST', body: 'pay' },
    steps: after('H'),
    has: 'head',
  },
  { where: 'within the status line', steps: after('HTTP/1.1 20'), has: 'head' },
  { where: 'behind the status line', steps: after(`${okLine}\r\n`), has: 'head' },
  { where: 'within a name', steps: after(`${okLine}\r\nContent-Le`), has: 'head' },
  { where: 'within a value', steps: after(`${okLine}\r\nContent-Length: 1`), has: 'head' },
  { where: 'before the empty line', steps: after(`${okLine}\r\nContent-Length: 2\r\n`), has: 'head' },
  { where: 'within the empty line', steps: after(`${okLine}\r\nContent-Length: 2\r\n\r`), has: 'head' },
  { where: 'behind a head with a length', ...inBody(fiveHead, '') },
  { where: 'within a body of known length', ...inBody(`${fiveHead}hel`, 'hel') },
  { where: 'a byte before the end of a body', ...inBody(`${fiveHead}hell`, 'hell') },
  { where: 'behind a head of chunks', ...inBody(chunkedHead, '') },
  { where: 'within a chunk size', ...inBody(`${chunkedHead}5\r\nhello\r\n1`, 'hello') },
  { where: 'behind a chunk size', ...inBody(`${chunkedHead}5\r\nhello\r\n5\r\n`, 'hello') },
  { where: 'within a chunk', ...inBody(`${chunkedHead}a\r\nhello`, 'hello') },
  { where: 'behind the data of a chunk', ...inBody(`${chunkedHead}5\r\nhello`, 'hello') },
  { where: 'between chunks', ...inBody(`${chunkedHead}5\r\nhello\r\n`, 'hello') },
  { where: 'within the last chunk', ...inBody(`${chunkedHead}5\r\nhello\r\n0`, 'hello') },
  { where: 'behind the last chunk size', ...inBody(`${chunkedHead}5\r\nhello\r\n0\r\n`, 'hello') },
  { where: 'within a trailer', ...inBody(`${chunkedHead}5\r\nhello\r\n0\r\nX-A: b`, 'hello') },
  { where: 'a byte before the end of chunks', ...inBody(`${chunkedHead}5\r\nhello\r\n0\r\n\r`, 'hello') },
];

/** Bodies that end with the connection: only FIN is their end. */
const openEnded: Stop[] = [
  { where: 'behind a head without a length', ...inBody(lines(okLine), '') },
  { where: 'within a body without a length', ...inBody(`${lines('HTTP/1.0 200 OK')}hello`, 'hello') },
];

const partly = (stop: Stop, { before, within }: { before: Sees; within: (body: string) => Sees }): Sees => {
  if (stop.has === 'nothing') return stale;
  return stop.has === 'head' ? before : within(stop.has.body);
};
const faultOf = (verb: string, stop: Stop, last: readonly Step[], sees: Sees): Fault => ({
  name: `${verb} ${stop.where}`,
  steps: [...stop.steps, ...last],
  ...(stop.request !== undefined && { request: stop.request }),
  sees,
});

const ends: Fault[] = [
  ...stops.map((stop) => faultOf('closes', stop, [end], partly(stop, { before: invalid, within: broken }))),
  ...openEnded.map((stop) =>
    faultOf('closes', stop, [end], partly(stop, { before: invalid, within: whole })),
  ),
  ...[...stops, ...openEnded].map((stop) =>
    faultOf('resets', stop, [reset], partly(stop, { before: invalid, within: broken })),
  ),
];

/** Each of these takes a time-out. A request that is stuck is not sent again, whatever it is. */
const silences: Fault[] = [...stops, ...openEnded].map((stop) => ({
  ...faultOf(
    'is silent',
    stop,
    [],
    stop.has === 'nothing' ? timeout : partly(stop, { before: timeout, within: brokenByTimeout }),
  ),
  scenes: ['alone', 'later'],
}));

const connecting: Fault[] = [
  { name: 'closes as soon as it is connected', steps: [end], sees: invalid, scenes: ['alone', 'first'] },
  {
    name: 'closes as soon as it is connected to POST',
    request: { method: 'POST', body: 'pay' },
    steps: [end],
    sees: invalid,
    scenes: ['alone', 'first'],
  },
];

/** The answer is whole; the connection is not fit for another one. */
const afterwards: Fault[] = [
  ...(
    [
      ['closes', [end]],
      ['resets', [reset]],
    ] satisfies [string, Step[]][]
  ).flatMap(([verb, last]): Fault[] => [
    {
      name: `${verb} behind its answer`,
      steps: [request, write(fine('hello')), ...last],
      sees: whole('hello'),
    },
    {
      name: `${verb} behind its chunks`,
      steps: [request, write(`${chunkedHead}5\r\nhello\r\n0\r\n\r\n`), ...last],
      sees: whole('hello'),
    },
    {
      name: `${verb} an idle connection`,
      steps: [request, write(fine('hello')), clientHas('hello'), read, ...last, closed],
      sees: whole('hello'),
    },
  ]),
  // Response queue poisoning (Node CVE-2026-48931): bytes that come on an idle connection answer nobody.
  ...[
    ['an answer', fine('poison')],
    ['a hundred answers', fine('poison').repeat(100)],
    ['a refusal', lines('HTTP/1.1 408 Request Timeout', 'Connection: close', 'Content-Length: 0')],
    ['news', lines('HTTP/1.1 100 Continue')],
    ['the beginning of an answer', 'HTTP/1.1 200 OK\r\nX-A: '],
    ['an empty line', '\r\n'],
    ['a line feed', '\n'],
    ['a NUL', '\0'],
    ['a request', lines('GET /poison HTTP/1.1', 'Host: x')],
    ['garbage', '\xff\xfe\x00'],
  ].map(([what, bytes = '']) => ({
    name: `sends ${what} on an idle connection`,
    steps: [request, write(fine('hello')), clientHas('hello'), read, write(bytes), closed],
    sees: whole('hello'),
    scenes: ['first', 'later'] as const,
  })),
  {
    name: 'sends an answer right behind a whole one in a piece of its own',
    steps: [request, write(fine('hello')), write(fine('poison')), closed],
    sees: whole('hello'),
  },
  {
    name: 'sends the beginning of an answer on an idle connection and closes',
    steps: [request, write(fine('hello')), clientHas('hello'), read, write('HTTP/1.1 2'), end, closed],
    sees: whole('hello'),
    scenes: ['first', 'later'],
  },
];

/** What is sent once more is sent once more and not again. */
const twice: Fault[] = (
  [
    ['closes', [request, end]],
    ['resets', [request, reset]],
  ] satisfies [string, Step[]][]
).map(([verb, steps]) => ({
  name: `${verb} the next connection too`,
  steps,
  next: [request, end],
  sees: stale,
  scenes: ['later'],
}));

export const connectionFaults: readonly Fault[] = [
  ...ends,
  ...silences,
  ...connecting,
  {
    // The reset may come before the connection is known to stand, and then nothing was sent on it.
    name: 'resets as soon as it is connected',
    steps: [reset],
    sees: [invalid, elsewhere],
    scenes: ['alone', 'first'],
  },
  ...afterwards,
  ...twice,
];
