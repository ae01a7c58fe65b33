import {
  broken,
  chunkedHead,
  end,
  type Fault,
  fine,
  flood,
  clientHas,
  lines,
  okLine,
  request,
  type Scene,
  type Step,
  whole,
  write,
} from './fault.ts';

// Errors of the chunked coding (RFC 9112 §7.1), and what it may look like all the same.

const answers = (bytes: string): readonly Step[] => [request, write(bytes)];
const everyScene: readonly Scene[] = ['alone', 'first', 'later', 'old client'];
const hello = whole('hello');

/** Each follows the chunk of `hello`, unless it begins with the head of another one. */
const brokenChunks: [what: string, bytes: string][] = [
  ['a chunk size that does not read', 'zz\r\n'],
  ['no chunk size', '\r\nhello\r\n'],
  ['a chunk size with a sign', '+5\r\nworld\r\n'],
  ['a negative chunk size', '-5\r\nworld\r\n'],
  ['a chunk size in C', '0x5\r\nworld\r\n'],
  ['a blank before a chunk size', ' 5\r\nworld\r\n'],
  ['a blank behind a chunk size', '5 \r\nworld\r\n'],
  ['a chunk size of 17 digits', 'fffffffffffffffff\r\nworld\r\n'],
  ['a chunk size that wraps around 32 bits', '100000000000000005\r\nworld\r\n'],
  ['endless zeros as a chunk size', `${'0'.repeat(1_000)}5\r\nworld\r\n`],
  ['a chunk size that ends in LF', '5\nworld\r\n'],
  ['a chunk size that ends in CR', '5\rworld\r\n'],
  ['a chunk size that ends in CR CR LF', '5\r\r\nworld\r\n'],
  ['a NUL in a chunk size', '5\0\r\nworld\r\n'],
  ['a chunk longer than its size', '3\r\nworld\r\n'],
  ['a chunk shorter than its size', '7\r\nworld\r\n0\r\n\r\n'],
  ['a chunk that ends in LF', '5\r\nworld\n0\r\n\r\n'],
  ['a chunk that ends in CR', '5\r\nworld\r0\r\n\r\n'],
  ['an extension without a name', '5;\r\nworld\r\n'],
  ['an extension with a control character', '5;a=\x01\r\nworld\r\n'],
  ['an extension with a bare LF', '5;a\nb\r\nworld\r\n'],
  ['an extension with a bare CR', '5;a\rb\r\nworld\r\n'],
  ['an extension with an open quote', '5;a="b\r\nworld\r\n'],
  ['an extension of 70,000 bytes', `5;a=${'b'.repeat(70_000)}\r\nworld\r\n`],
  ['a trailer with a blank in its name', '0\r\nX A: b\r\n\r\n'],
  ['a trailer without a colon', '0\r\nX-A\r\n\r\n'],
  ['a trailer with a NUL', '0\r\nX-A: \0\r\n\r\n'],
  ['a trailer that is folded', '0\r\nX-A: b\r\n c\r\n\r\n'],
  ['a trailer that ends in LF', '0\r\nX-A: b\n\r\n'],
  ['a trailer of 70,000 bytes', `0\r\nX-A: ${'b'.repeat(70_000)}\r\n\r\n`],
  ['1,000 trailers', `0\r\n${'X-A: b\r\n'.repeat(1_000)}\r\n`],
  ['an end of chunks in LF', '0\n\n'],
  ['an end of chunks that is followed by text', '0\r\nhello'],
  ['the next answer instead of the end of chunks', `0\r\n${fine('second')}`],
];

export const chunkFaults: readonly Fault[] = [
  ...brokenChunks.map(([what, bytes]) => ({
    name: `sends ${what}`,
    // Its end tells where the bytes alone could be the beginning of something right.
    steps: [request, write(`${chunkedHead}5\r\nhello\r\n`), clientHas('hello'), write(bytes), end],
    // The longest of them is what a size of 7 makes of it.
    sees: broken('helloworld\r\n'),
    scenes: ['alone', 'later'] as const,
  })),
  {
    name: 'begins its chunks wrongly in one piece with its head',
    steps: answers(`${chunkedHead}zz\r\nhello\r\n0\r\n\r\n`),
    sees: broken(''),
  },
  ...[
    '5;a\r\nhello\r\n0;b=c\r\n\r\n',
    '5;a="b;\\"c"\r\nhello\r\n0\r\n\r\n',
    '0005\r\nhello\r\n000\r\n\r\n',
    '1\r\nh\r\n4\r\nello\r\n0\r\n\r\n',
  ].map((bytes) => ({
    name: `sends the chunks ${JSON.stringify(bytes)}`,
    steps: answers(`${chunkedHead}${bytes}`),
    sees: hello,
    scenes: everyScene,
    reuse: true,
  })),
  {
    name: 'sends chunk sizes with capitals',
    steps: answers(`${chunkedHead}A\r\nhellohello\r\n0\r\n\r\n`),
    sees: whole('hellohello'),
    reuse: true,
  },
  {
    // RFC 9110 §6.5.1: what a trailer says may not be merged into the head.
    name: 'sends trailers that would change its head',
    steps: answers(
      `${lines(okLine, 'Transfer-Encoding: chunked', 'Trailer: Set-Cookie')}5\r\nhello\r\n0\r\nSet-Cookie: a=b\r\nContent-Length: 9\r\nConnection: close\r\n\r\n`,
    ),
    sees: whole('hello', { fields: [], framing: ['transfer-encoding: chunked'] }),
    reuse: true,
  },
  {
    name: 'sends no chunk but the last one',
    steps: answers(`${chunkedHead}0\r\n\r\n`),
    sees: whole(''),
    scenes: everyScene,
    reuse: true,
  },
  {
    name: 'sends 2,000 chunks of one byte',
    steps: answers(`${chunkedHead}${'1\r\nx\r\n'.repeat(2_000)}0\r\n\r\n`),
    sees: whole('x'.repeat(2_000)),
    reuse: true,
  },
  ...(
    [
      ['chunk size', '0'],
      ['chunk extension', '5;a='],
      ['row of trailers', '0\r\n'],
    ] satisfies [string, string][]
  ).map(([what, bytes]) => ({
    name: `sends an endless ${what}`,
    steps: [
      request,
      write(`${chunkedHead}5\r\nhello\r\n`),
      clientHas('hello'),
      write(bytes),
      flood(what === 'row of trailers' ? 'X-A: b\r\n' : '0'),
    ],
    sees: broken('hello'),
    cut: true,
  })),
];
