import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AnswerSink, type Reading, ResponseReader } from './response-reader.ts';

/** What the sink hears of `pieces`, and how each was taken. */
function hear(pieces: readonly Buffer[], isAnswerToHead = false) {
  const heard = { heads: [] as { status: number; fields: string[] }[], body: '' };
  const sink: AnswerSink = {
    onAnswer: (status, fields) => void heard.heads.push({ status, fields }),
    onChunk: (chunk) => void (heard.body += chunk.toString('latin1')),
  };
  const reader = new ResponseReader();
  reader.expect(sink, isAnswerToHead);
  const readings: Reading[] = [];
  for (const piece of pieces) {
    // Like the shared buffer of the sockets: what was read is overwritten afterwards.
    const view = Buffer.from(piece);
    readings.push(reader.read(view));
    view.fill(0);
    if (readings.at(-1) !== 'more') break;
  }
  return { ...heard, readings, reader };
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const single = (text: string): Buffer[] => Array.from(bytes(text), (byte) => Buffer.from([byte]));
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const early = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n';

function cut(whole: Buffer, positions: readonly number[]): Buffer[] {
  const at = [...new Set(positions.map((position) => position % whole.length))].toSorted((a, b) => a - b);
  const edges = [0, ...at.filter((position) => position > 0), whole.length];
  return edges.slice(1).map((end, i) => whole.subarray(edges[i], end));
}

const text = fc.string({ unit: fc.constantFrom('a', 'Z', '0', ' ', '\r', '\n', ':', '\xff'), maxLength: 60 });
const value = fc.string({ unit: fc.constantFrom('a', 'B', '1', ',', ':', '\t', '\xe9'), maxLength: 20 });
const field = fc.tuple(fc.constantFrom('X-A', 'Set-Cookie', 'date'), value);

/** A valid answer, with what a listener has to hear of it. */
const answer = fc
  .record({
    news: fc.nat({ max: 3 }),
    status: fc.constantFrom(200, 302, 404, 500),
    fields: fc.array(field, { maxLength: 6 }),
    body: fc.array(text, { maxLength: 5 }),
    framing: fc.constantFrom('length', 'chunked', 'until-end'),
  })
  .map(({ news, status, fields, body, framing }) => {
    const whole = body.join('');
    const framed =
      framing === 'length'
        ? [['Content-Length', String(whole.length)]]
        : framing === 'chunked'
          ? [['Transfer-Encoding', 'chunked']]
          : [];
    const all = [...fields, ...framed];
    const head = `HTTP/1.1 ${status} X\r\n${all.map(([name, v]) => `${name}: ${v}\r\n`).join('')}\r\n`;
    const chunks = body
      .filter((piece) => piece !== '')
      .map((piece) => `${piece.length.toString(16)};x=y\r\n${piece}\r\n`);
    return {
      bytes: bytes(
        early.repeat(news) + head + (framing === 'chunked' ? `${chunks.join('')}0\r\nT: x\r\n\r\n` : whole),
      ),
      heads: [{ status, fields: all.flatMap(([name = '', v = '']) => [name.toLowerCase(), v.trim()]) }],
      body: whole,
      reading: framing === 'until-end' ? 'more' : 'whole',
    };
  });

describe('ResponseReader', () => {
  test('reads an answer the same way wherever it is cut', () => {
    fc.assert(
      fc.property(answer, fc.array(fc.nat(), { maxLength: 20 }), (given, positions) => {
        const { heads, body, readings, reader } = hear(cut(given.bytes, positions));
        expect({ heads, body }).toEqual({ heads: given.heads, body: given.body });
        expect(readings.slice(0, -1).every((reading) => reading === 'more')).toBe(true);
        expect(readings.at(-1)).toBe(given.reading);
        if (given.reading === 'more') expect(reader.readEnd()).toBe('whole');
      }),
      { numRuns: 300 },
    );
  });

  test('reads no answer as whole before its last byte, and none that ends before it', () => {
    fc.assert(
      fc.property(
        answer.filter(({ reading }) => reading === 'whole'),
        fc.nat(),
        (given, position) => {
          const { readings, reader } = hear([
            given.bytes.subarray(0, 1 + (position % (given.bytes.length - 1))),
          ]);
          expect([readings, reader.readEnd()]).toEqual([['more'], 'broken']);
        },
      ),
    );
  });

  test.each([
    ['behind a length', ok],
    ['behind the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    ['behind no body', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ])('sees bytes %s', (_, given) => {
    expect(hear([bytes(`${given}H`)])).toMatchObject({ readings: ['surplus'] });
    expect(hear([...single(given)]).readings.at(-1)).toBe('whole');
  });

  test('takes a body that follows an answer to HEAD for what it is not', () => {
    expect(hear([bytes(ok)], true)).toMatchObject({ body: '', readings: ['surplus'] });
  });

  test.each([
    ['16 pieces of news', early.repeat(16) + ok, 'whole'],
    ['17 pieces of news', early.repeat(17) + ok, 'broken'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n', 'broken'],
    ['broken news', `HTTP/1.1 103 X\r\nX y\r\n\r\n${ok}`, 'broken'],
    ['bytes of another protocol', 'SSH-2.0-OpenSSH_9\r\n', 'broken'],
    ['lines that end in LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\n', 'broken'],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n', 'broken'],
  ])('reads %s, whole and byte by byte', (_, given, reading) => {
    expect(hear([bytes(given)]).readings).toEqual([reading]);
    expect(hear(single(given)).readings.at(-1)).toBe(reading);
  });

  test('takes a head of 64 KiB and not one byte more', () => {
    const headOf = (size: number): Buffer => {
      const ends = ['HTTP/1.1 204 X\r\nX: ', '\r\n\r\n'] as const;
      return bytes(ends[0] + 'a'.repeat(size - ends[0].length - ends[1].length) + ends[1]);
    };
    const readingOf = (head: Buffer): (Reading | undefined)[] =>
      [[head], cut(head, [1]), cut(head, [40_000, 65_535])].map((pieces) => hear(pieces).readings.at(-1));
    expect(readingOf(headOf(65_536))).toEqual(['whole', 'whole', 'whole']);
    expect(readingOf(headOf(65_537))).toEqual(['broken', 'broken', 'broken']);
  });

  test('gives up on a head that has no end', () => {
    const pieces = Array.from({ length: 64 }, () => Buffer.alloc(1024, 'a'));
    expect(hear([bytes('HTTP/1.1 200 '), ...pieces]).readings.at(-1)).toBe('broken');
  });

  test('gives nothing to a sink that has stopped it', () => {
    const heard: string[] = [];
    const reader = new ResponseReader();
    const sink: AnswerSink = {
      onAnswer: () => void heard.push('answer'),
      onChunk: (chunk) => {
        heard.push(chunk.toString());
        reader.stop();
      },
    };
    reader.expect(sink, false);
    reader.read(bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n'));
    expect(heard).toEqual(['answer', 'a']);
  });

  test('begins anew with each answer', () => {
    const { reader } = hear(single(early.repeat(16) + ok));
    const heard: number[] = [];
    reader.expect({ onAnswer: (status) => void heard.push(status), onChunk() {} }, false);
    expect([reader.begun, reader.answering]).toEqual([false, false]);
    expect([reader.read(bytes(early.repeat(16) + ok)), heard]).toEqual(['whole', [200]]);
  });
});
