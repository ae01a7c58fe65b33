import {
  chunkedHead,
  drip,
  end,
  type Fault,
  fine,
  flood,
  invalid,
  lines,
  okLine,
  read,
  request,
  reset,
  timeout,
  whole,
  write,
} from './fault.ts';

// 1xx (RFC 9110 §15.2): news that no client of ours asked for; dropped, and bounded. 101 would make a tunnel of a worker.

const early = lines('HTTP/1.1 103 Early Hints', 'Link: </style.css>');
const processing = lines('HTTP/1.1 102 Processing');
const switching = lines('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket');
const answer = fine('hello');
const hello = whole('hello', { fields: [], framing: ['content-length: 5'] });

const passing: [what: string, bytes: string][] = [
  ['news before its answer', early],
  ['100 that nobody waits for', lines('HTTP/1.1 100 Continue')],
  ['news of an unknown kind', lines('HTTP/1.1 199 Whatever')],
  ['16 pieces of news', processing.repeat(16)],
  ['news that names cookies', lines('HTTP/1.1 103 Early Hints', 'Set-Cookie: a=b', 'X-A: b')],
  ['news that says close', lines('HTTP/1.1 103 Early Hints', 'Connection: X-A')],
];

const failing: [what: string, bytes: string][] = [
  ['17 pieces of news', processing.repeat(17)],
  ['100 pieces of news', processing.repeat(100)],
  // A 1xx has no body; what would be one is no answer.
  ['news with a body', `${lines('HTTP/1.1 103 Early Hints', 'Content-Length: 4')}news`],
  [
    'news in chunks',
    `${lines('HTTP/1.1 103 Early Hints', 'Transfer-Encoding: chunked')}4\r\nnews\r\n0\r\n\r\n`,
  ],
  ['news with a malformed field', lines('HTTP/1.1 103 Early Hints', 'X A: b')],
  ['news with a NUL', lines('HTTP/1.1 103 Early Hints', 'Link: \0')],
  ['news of 70,000 bytes', lines('HTTP/1.1 103 Early Hints', `Link: ${'x'.repeat(70_000)}`)],
  ['news with 501 fields', lines('HTTP/1.1 103 Early Hints', ...Array.from({ length: 501 }, () => 'X-A: b'))],
  ['a switch of protocols', `${switching}\x81\x02hi`],
  ['a switch of protocols alone', switching],
  ['a switch of protocols behind news', `${early}${switching}`],
  ['a switch to HTTP/2', lines('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: h2c')],
  ['a switch to nothing', lines('HTTP/1.1 101 Switching Protocols')],
];

export const interimFaults: readonly Fault[] = [
  ...passing.map(([what, bytes]) => ({
    name: `sends ${what}`,
    steps: [request, write(bytes + answer)],
    sees: hello,
    reuse: true,
  })),
  {
    name: 'sends news and an answer a byte at a time',
    steps: [request, drip(lines('HTTP/1.1 103 A', 'B: c') + answer)],
    sees: hello,
    scenes: ['alone', 'first', 'later', 'old client'],
    reuse: true,
  },
  {
    name: 'sends 100 before a POST is answered',
    request: { method: 'POST', body: 'pay' },
    steps: [request, write(lines('HTTP/1.1 100 Continue')), read, write(answer)],
    sees: hello,
    reuse: true,
  },
  ...failing.map(([what, bytes]) => ({
    name: `sends ${what}`,
    steps: [request, write(bytes), read, write(answer)],
    sees: invalid,
    cut: true,
  })),
  { name: 'sends nothing but news', steps: [request, flood(processing)], sees: invalid, cut: true },
  {
    name: 'sends news without an end',
    steps: [request, write('HTTP/1.1 103 Early Hints\r\n'), flood('Link: x\r\n')],
    sees: invalid,
    cut: true,
  },
  // A byte has come back, so it is not for us to say that the upstream did nothing.
  { name: 'closes behind news', steps: [request, write(early), end], sees: invalid },
  { name: 'resets behind news', steps: [request, write(early), read, reset], sees: invalid },
  { name: 'is silent behind news', steps: [request, write(early)], sees: timeout },
  {
    // Each piece comes in time; together they may not hold the seat for longer than one wait.
    name: 'sends news again and again, and no answer',
    steps: [
      request,
      drip(
        Array.from({ length: 14 }, () => processing),
        100,
      ),
    ],
    sees: timeout,
    cut: true,
  },
  {
    name: 'sends news within its body',
    steps: [request, write(`${lines(okLine, `Content-Length: ${processing.length}`)}${processing}`)],
    sees: whole(processing),
    reuse: true,
  },
  {
    name: 'sends news behind its chunks',
    steps: [request, write(`${chunkedHead}5\r\nhello\r\n0\r\n\r\n${processing}`)],
    sees: whole('hello'),
  },
];
