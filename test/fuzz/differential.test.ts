import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findJustification, justifiedDifferences } from './justified.ts';
import { type AnswerStream } from './our-answers.ts';
import type { RequestStream } from './our-requests.ts';
import {
  agreement,
  answers,
  anyAnswers,
  anyRequests,
  newTally,
  requests,
  type Subject,
} from './properties.ts';
import { findDifference } from './reading.ts';

// What we take, llhttp takes in the same way. The seed is fixed, so that a change fails here for its own sake; `npm run fuzz`
// goes on with other seeds.

const seed = 1;
const numRuns = 6_000;

test('whatever requests our server takes, llhttp reads in the same way, and pieces change nothing', async () => {
  const tally = newTally();
  await fc.assert(agreement(requests, anyRequests, tally), { seed, numRuns });
  // Or the streams are so broken that nothing is compared.
  expect(tally.taken).toBeGreaterThan(numRuns / 4);
});

test('whatever answers our client takes, llhttp reads in the same way, and pieces change nothing', async () => {
  const tally = newTally();
  await fc.assert(agreement(answers, anyAnswers, tally), { seed, numRuns });
  expect(tally.taken).toBeGreaterThan(numRuns / 8);
});

test.each(justifiedDifferences.map((one) => [one.what, one] as const))(
  '%s is a difference still, and no other entry justifies it',
  async (_what, entry) => {
    const bytes = Buffer.from(entry.example, 'latin1');
    const of = entry.of === 'answers' ? 'answers' : 'requests';
    const [ours, theirs] =
      of === 'answers'
        ? await readBoth(answers, { bytes, toHead: false, ends: true })
        : await readBoth(requests, { bytes, streamedAnswers: false });
    const difference = findDifference(ours, theirs);
    expect(difference).toBeDefined();
    if (difference !== undefined) expect(findJustification(of, difference, bytes)).toBe(entry);
  },
);

async function readBoth<Stream extends { bytes: Buffer }>(
  subject: Subject<Stream>,
  stream: Stream,
): Promise<[Awaited<ReturnType<Subject<Stream>['ours']>>, Awaited<ReturnType<Subject<Stream>['theirs']>>]> {
  return [await subject.ours(stream, [stream.bytes]), await subject.theirs(stream, [stream.bytes])];
}

type Repair = (text: string) => string;

/** What a lenient parser would put right in the bytes before it goes on like ours. */
const leniences: readonly (readonly [name: string, repair: Repair])[] = [
  ['takes a bare LF for a line end', inHeads((head) => head.replaceAll(/\r?\n/g, '\r\n'))],
  ['takes a bare CR for a blank', inHeads((head) => head.replaceAll(/\r(?!\n)/g, ' '))],
  ['joins folded lines', inHeads((head) => head.replaceAll(/\r\n[ \t]+/g, ' '))],
  ['takes a blank before a colon', inHeads((head) => head.replaceAll(/[ \t]+:/g, ':'))],
  ['drops NUL', inHeads((head) => head.replaceAll('\0', ''))],
  [
    'takes the first of two lengths',
    inHeads((head) =>
      head.replace(/(\r\nContent-Length:[^\r]*)((?:\r\n[^\r]+)*?)\r\nContent-Length:[^\r]*/gi, '$1$2'),
    ),
  ],
  [
    'takes the coding and leaves the length',
    inHeads((head) =>
      /\r\nTransfer-Encoding: chunked\r\n/.test(head) ? head.replace(/\r\nContent-Length:[^\r]*/i, '') : head,
    ),
  ],
  [
    'takes chunked as one of several codings',
    inHeads((head) => head.replace(/(\r\nTransfer-Encoding: ?)[^\r]*chunked[^\r]*/i, '$1chunked')),
  ],
  ['takes a length with a sign', inHeads((head) => head.replace(/(\r\nContent-Length: ?)\+/i, '$1'))],
  [
    'takes a length up to its first strange character',
    inHeads((head) => head.replace(/(\r\nContent-Length: ?\d+)[^\d\r][^\r]*/i, '$1')),
  ],
  ['trims a chunk size', (text) => text.replaceAll(/\r\n[ \t]*([0-9a-f]+)[ \t]+(?=\r\n|;)/gi, '\r\n$1')],
  ['takes a chunk size with 0x', (text) => text.replaceAll(/\r\n0x([0-9a-f]+)(?=\r\n|;)/gi, '\r\n$1')],
  ['takes a chunk size that ends in LF', (text) => text.replaceAll(/(\r\n[0-9a-f]+)\n/gi, '$1\r\n')],
];

/** Applies a repair to the start of a text up to its first empty line, of whatever line ends. */
function inHeads(repair: Repair): Repair {
  return (text) => {
    const end = /\r?\n\r?\n/.exec(text)?.index ?? text.length;
    return repair(text.slice(0, end + 2)) + text.slice(end + 2);
  };
}

function lenient<Stream extends { bytes: Buffer }>(
  subject: Subject<Stream>,
  repair: Repair,
): Subject<Stream> {
  return {
    ...subject,
    ours: (stream) => {
      const repaired = Buffer.from(repair(stream.bytes.toString('latin1')), 'latin1');
      return subject.ours({ ...stream, bytes: repaired }, [repaired]);
    },
  };
}

/** The first difference that a run finds; shrinking it is for people. */
async function firstFinding<Stream extends { bytes: Buffer }>(
  subject: Subject<Stream>,
  streams: fc.Arbitrary<Stream>,
): Promise<string> {
  const result = await fc.check(agreement(subject, streams), { seed, numRuns, endOnFailure: true });
  return result.errorInstance instanceof Error ? result.errorInstance.message : 'nothing found';
}

describe('the fuzzer finds a parser that', () => {
  test.each(leniences)('%s', async (_name, repair) => {
    const inRequests = await firstFinding<RequestStream>(lenient(requests, repair), anyRequests);
    const inAnswers = await firstFinding<AnswerStream>(lenient(answers, repair), anyAnswers);
    const found = /^We and llhttp differ: /;
    expect([found.test(inRequests), found.test(inAnswers)]).toEqual([true, true]);
  });

  test('forgets the beginning of a head when the rest comes later', async () => {
    const forgetful: Subject<RequestStream> = {
      ...requests,
      ours: (stream, pieces) => requests.ours(stream, pieces.slice(-1)),
    };
    expect(await firstFinding(forgetful, anyRequests)).toMatch(/^We read it otherwise in pieces\./);
  });
});
