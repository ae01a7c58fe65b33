import fc, { type Arbitrary, type IAsyncPropertyWithHooks } from 'fast-check';
import { wireTable } from '../wire/table.ts';
import { answerStreams, mutatedAnswers } from './answer-streams.ts';
import { findJustification } from './justified.ts';
import { readLlhttpAnswer } from './llhttp-answers.ts';
import { LlhttpServer } from './llhttp-requests.ts';
import { type AnswerStream, readOurAnswer } from './our-answers.ts';
import { readOurRequests, type RequestStream } from './our-requests.ts';
import { findDifference, type Reader, type Reading } from './reading.ts';
import { mutatedRequests, requestStreams } from './request-streams.ts';

/** A stream, and where it is cut for one of the readings; places are taken modulo its length. */
export interface Cut<Stream> {
  stream: Stream;
  places: number[];
}

export interface Subject<Stream> {
  of: 'requests' | 'answers';
  ours: Reader<Stream>;
  theirs: Reader<Stream>;
}

/** What a run went through. */
export interface Tally {
  streams: number;
  /** Messages that our side took whole. */
  taken: number;
  /** How often each justified difference was met. */
  justified: Map<string, number>;
}

export function newTally(): Tally {
  return { streams: 0, taken: 0, justified: new Map() };
}

const llhttp = new LlhttpServer();

export const requests: Subject<RequestStream> = {
  of: 'requests',
  ours: readOurRequests,
  theirs: ({ bytes }) => llhttp.read(bytes),
};

export const answers: Subject<AnswerStream> = {
  of: 'answers',
  ours: readOurAnswer,
  theirs: readLlhttpAnswer,
};

/** Long cases are about limits, which are ours alone. */
const maxSeedBytes = 2 * 1024;
const seeds = wireTable
  .flatMap(([, cases]) => cases.map(({ bytes }) => bytes))
  .filter((bytes) => bytes.length <= maxSeedBytes);

/** Requests by the grammar and out of the table, in turns. */
export const anyRequests: Arbitrary<RequestStream> = fc.oneof(requestStreams, mutatedRequests(seeds));
export const anyAnswers: Arbitrary<AnswerStream> = fc.oneof(answerStreams, mutatedAnswers);

/** Throws when the readings of a stream part, or when it is read otherwise in pieces. */
export async function checkStream<Stream extends { bytes: Buffer }>(
  { of, ours, theirs }: Subject<Stream>,
  { stream, places }: Cut<Stream>,
  tally: Tally,
): Promise<void> {
  const { bytes } = stream;
  const whole = await ours(stream, [bytes]);
  tally.streams++;
  for (const message of whole.messages) if (message.complete) tally.taken++;
  const inPieces = await ours(stream, cutBytes(bytes, places));
  if (!sameReading(whole, inPieces)) {
    throw new Error(
      `We read it otherwise in pieces.\nin one: ${JSON.stringify(whole)}\nin pieces: ${JSON.stringify(inPieces)}`,
    );
  }
  const difference = findDifference(whole, await theirs(stream, [bytes]));
  if (difference === undefined) return;
  const justification = findJustification(of, difference, bytes);
  if (justification === undefined) {
    const { what, ...messages } = difference;
    throw new Error(
      `We and llhttp differ: ${what}.\nours: ${JSON.stringify(messages.ours)}\nllhttp: ${JSON.stringify(messages.theirs)}`,
    );
  }
  tally.justified.set(justification.what, (tally.justified.get(justification.what) ?? 0) + 1);
}

/** With two defects, the reason is whichever was seen first; that it is refused is the same. */
function sameReading(one: Reading, other: Reading): boolean {
  const taken = ({ messages, over }: Reading): string => JSON.stringify([messages, over !== undefined]);
  return taken(one) === taken(other);
}

export function agreement<Stream extends { bytes: Buffer }>(
  subject: Subject<Stream>,
  streams: Arbitrary<Stream>,
  tally: Tally = newTally(),
): IAsyncPropertyWithHooks<[Cut<Stream>]> {
  const cut = fc.record({ stream: streams, places: fc.array(fc.nat(4095), { maxLength: 6 }) });
  return fc.asyncProperty(cut, async (one) => {
    await checkStream(subject, one, tally);
    // Streams that are given up are taken apart in ticks, which a chain of promises alone would never let run.
    await new Promise((resolve) => setImmediate(resolve));
  });
}

/** Cuts at some places; at every one when there are six of them. */
function cutBytes(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends =
    places.length === 6
      ? [...bytes.keys()]
      : [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    if (end > from) pieces.push(bytes.subarray(from, end));
    from = end;
  }
  return pieces;
}
