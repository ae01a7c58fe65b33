import {
  bodyByte,
  brokenByTimeout,
  chunkedHead,
  clientHas,
  closed,
  drip,
  end,
  type Fault,
  fine,
  fiveHead,
  head,
  invalid,
  lines,
  okLine,
  request,
  reset,
  stale,
  stopReading,
  timeout,
  whole,
  write,
} from './fault.ts';

// Answers that come before their request, after its time-out, or piece by piece. The time-out of the pool is 300 ms.

/** More than the kernel takes while nobody reads. */
const large = 'x'.repeat(4_000_000);
const tooLarge = `${lines('HTTP/1.1 413 Too Large', 'Connection: close', 'Content-Length: 2')}no`;
const persistent = `${lines('HTTP/1.1 413 Too Large', 'Content-Length: 2')}no`;
const refused = whole('no', { status: 413 });
const upload = { method: 'POST', body: large };

/** The rest of the request is on its way while the answer is there already (RFC 9112 §9.5). */
const early: Fault[] = [
  {
    name: 'answers before it has the body, and goes on reading',
    request: upload,
    steps: [head, write(tooLarge)],
    sees: refused,
  },
  {
    name: 'answers before it has the body, and would go on with the connection',
    request: upload,
    steps: [head, write(persistent)],
    sees: refused,
    reuse: 'may',
  },
  {
    name: 'answers within the body, and stops reading',
    request: upload,
    steps: [bodyByte, stopReading, write(tooLarge)],
    sees: refused,
  },
  {
    name: 'answers within the body, and would go on with the connection, but stops reading',
    request: upload,
    steps: [bodyByte, stopReading, write(persistent)],
    sees: refused,
  },
  {
    name: 'answers and closes before it has the body',
    request: upload,
    steps: [bodyByte, stopReading, write(tooLarge), end],
    sees: refused,
  },
  {
    name: 'answers and resets before it has the body, once the client has the answer',
    request: upload,
    steps: [bodyByte, stopReading, write(tooLarge), clientHas('no'), reset],
    sees: refused,
  },
  {
    // A reset may overtake the answer in front of it.
    name: 'answers and resets at once before it has the body',
    request: upload,
    steps: [bodyByte, stopReading, write(tooLarge), reset],
    sees: [refused, invalid],
  },
  {
    name: 'answers in chunks before it has the body',
    request: upload,
    steps: [bodyByte, stopReading, write(`${chunkedHead}2\r\nno\r\n`), clientHas('no'), write('0\r\n\r\n')],
    sees: whole('no'),
  },
  {
    name: 'ends an early answer with the connection',
    request: upload,
    steps: [bodyByte, stopReading, write(`${lines('HTTP/1.0 413 Too Large')}no`), clientHas('no'), end],
    sees: refused,
  },
  {
    name: 'answers wrongly before it has the body',
    request: upload,
    steps: [bodyByte, stopReading, write('HTTP/1.1 999 Oh\r\n\r\n')],
    sees: invalid,
  },
  {
    name: 'reads a part of the body and no more',
    request: upload,
    steps: [bodyByte, stopReading],
    sees: timeout,
  },
  {
    name: 'closes within the body and does not answer',
    request: upload,
    steps: [bodyByte, end],
    sees: stale,
  },
  {
    name: 'answers before there is any request',
    steps: [write(fine('hello'))],
    // What comes before the request is written answers nobody; what comes behind it cannot be told from an answer.
    sees: [invalid, whole('hello')],
    scenes: ['alone', 'first'],
    reuse: 'may',
  },
];

/** The client has its 504 when the answer comes. */
const late: Fault[] = [
  ['at all', '', ''],
  ['with its head', '', fine('poison')],
  ['with the rest of its head', 'HTTP/1.1 200 OK\r\nContent-Le', 'ngth: 6\r\n\r\npoison'],
  ['with more than news', lines('HTTP/1.1 103 Early Hints'), fine('poison')],
].map(([what, before = '', after = '']) => ({
  name: `is late ${what}`,
  steps: [request, write(before), clientHas('upstream_timeout'), write(after)],
  sees: timeout,
}));

const slow: Fault[] = [
  {
    name: 'answers a byte at a time',
    steps: [request, drip(fine('hello', 'X-A: b'))],
    sees: whole('hello', { fields: ['x-a: b'] }),
    scenes: ['alone', 'first', 'later', 'old client'],
    reuse: true,
  },
  {
    name: 'answers in chunks a byte at a time',
    steps: [request, drip(`${chunkedHead}5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-A: b\r\n\r\n`)],
    sees: whole('hello!'),
    scenes: ['alone', 'first', 'later', 'old client'],
    reuse: true,
  },
  {
    name: 'answers until its end a byte at a time',
    steps: [request, drip(`${lines(okLine)}hello`), end],
    sees: whole('hello'),
  },
  {
    // One wait for the whole head: a byte now and then must not hold a seat for hours.
    name: 'drips a head without an end',
    steps: [request, drip(`${okLine}\r\nX-A: ${'a'.repeat(40)}`, 50)],
    sees: timeout,
    cut: true,
  },
  {
    // Longer than one wait altogether, and each piece in time.
    name: 'takes its time over a body, and not too long over a piece',
    steps: [request, write(fiveHead), drip('hello', 90)],
    sees: whole('hello'),
    reuse: true,
  },
  {
    name: 'takes its time over chunks, and not too long over one',
    steps: [
      request,
      write(chunkedHead),
      drip(['1\r\nh\r\n', '4\r\nello\r\n', '1\r\n!\r\n', '1\r\n!\r\n', '0\r\n\r\n'], 90),
    ],
    sees: whole('hello!!'),
    reuse: true,
  },
  {
    name: 'is silent within a body after a while',
    steps: [request, write(fiveHead), drip('hel', 90), closed],
    sees: brokenByTimeout('hel'),
  },
];

export const timingFaults: readonly Fault[] = [...early, ...late, ...slow];
