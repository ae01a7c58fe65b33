import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SoakAnswer, SoakConnection } from './soak-connection.ts';
import { contentOf, receiptOf } from './soak-upstream.ts';
import { watchedHost } from './watched-gateway.ts';

/** How a request ended that did not have to end well. `answered` counts as an answer of the gateway. */
export type Outcome = 'answered' | 'left' | 'broken off';

/** One request of a client. Throws when what comes is not what must come. */
export interface Scenario {
  name: string;
  /** How many of 1,000 requests are like this. */
  weight: number;
  /** `connection` serves on afterwards if it is still open. */
  run(connection: SoakConnection, id: string): Promise<Outcome>;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const hostField = `Host: ${watchedHost}\r\n`;
const chunkedField = 'Transfer-Encoding: chunked\r\n';
/** Pieces of it are the bodies: to make random bytes anew would be most of the work. */
const noise = randomBytes(4 * mebibyte);

function bodyOf(bytes: number): Buffer {
  const from = randomInt(noise.length - bytes);
  return noise.subarray(from, from + bytes);
}

const get = (target: string): string => `GET ${target} HTTP/1.1\r\n${hostField}\r\n`;
const post = (target: string, fields: string): string =>
  `POST ${target} HTTP/1.1\r\n${hostField}${fields}\r\n`;
const lengthField = (body: Buffer): string => `Content-Length: ${body.length}\r\n`;

function expectAnswer(answer: SoakAnswer, status: number, body: string): 'answered' {
  const given =
    answer.status < 400 ? answer.body : (/"reason":"([a-z_]+)"/.exec(answer.body)?.[1] ?? answer.body);
  if (answer.status !== status || given !== body) {
    const text = (value: string): string => JSON.stringify(value.slice(0, 80));
    throw new Error(`${status} ${text(body)} was due and ${answer.status} ${text(given)} came`);
  }
  return 'answered';
}

async function fetchContent(
  connection: SoakConnection,
  id: string,
  { bytes, query = '' }: { bytes: number; query?: string },
): Promise<Outcome> {
  connection.send(get(`/odoo?id=${id}&bytes=${bytes}${query}`));
  return expectAnswer(await connection.answer(), 200, contentOf(id, bytes));
}

async function sendBody(
  connection: SoakConnection,
  id: string,
  body: Buffer,
  prefix = '/odoo',
): Promise<Outcome> {
  connection.send(post(`${prefix}?id=${id}`, lengthField(body)));
  connection.send(body);
  return expectAnswer(await connection.answer(), 200, receiptOf(id, body));
}

function chunksOf(body: Buffer, mostBytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const chunk = body.subarray(at, at + randomInt(1, mostBytes + 1));
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
    at += chunk.length;
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

async function sendChunks(
  connection: SoakConnection,
  id: string,
  body: Buffer,
  prefix = '/odoo',
): Promise<Outcome> {
  connection.send(post(`${prefix}?id=${id}`, chunkedField));
  connection.send(chunksOf(body, 20_000));
  return expectAnswer(await connection.answer(), 200, receiptOf(id, body));
}

async function sendPiecewise(
  connection: SoakConnection,
  bytes: Buffer,
  { pieces, pauseMs }: { pieces: number; pauseMs: number },
): Promise<void> {
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length; at += size) {
    connection.send(bytes.subarray(at, at + size));
    await sleep(pauseMs);
  }
}

/** Leaves, mostly with a reset, as clients do that are killed or lose their way. */
async function leave(connection: SoakConnection, withinMs: number): Promise<'left'> {
  await sleep(randomInt(withinMs + 1));
  if (randomInt(4) === 0) connection.destroy();
  else connection.reset();
  return 'left';
}

async function expectFailure(connection: SoakConnection, target: string, reason: string): Promise<Outcome> {
  connection.send(get(target));
  return expectAnswer(await connection.answer(), 502, reason);
}

/** Nine requests in ten are good ones, in all the forms that clients use. */
const good: Scenario[] = [
  { name: 'get', weight: 440, run: (connection, id) => fetchContent(connection, id, { bytes: 200 }) },
  {
    name: 'get, slow worker',
    weight: 60,
    run: (connection, id) => fetchContent(connection, id, { bytes: 2_000, query: `&wait=${randomInt(20)}` }),
  },
  {
    name: 'get, chunked answer',
    weight: 60,
    run: (connection, id) =>
      fetchContent(connection, id, { bytes: randomInt(1, 100_000), query: '&chunked' }),
  },
  {
    name: 'get, worker closes',
    weight: 50,
    run: (connection, id) => fetchContent(connection, id, { bytes: 500, query: '&close' }),
  },
  {
    name: 'get, pipelined',
    weight: 50,
    async run(connection, id) {
      const ids = [`${id}a`, `${id}b`, `${id}c`];
      connection.send(ids.map((part) => get(`/odoo?id=${part}&bytes=300`)).join(''));
      for (const part of ids) expectAnswer(await connection.answer(), 200, contentOf(part, 300));
      return 'answered';
    },
  },
  {
    name: 'post',
    weight: 130,
    run: (connection, id) => sendBody(connection, id, bodyOf(randomInt(1, 4_000))),
  },
  { name: 'post, chunked', weight: 60, run: (connection, id) => sendChunks(connection, id, bodyOf(60_000)) },
  {
    name: 'post, into a file',
    weight: 20,
    run: (connection, id) => sendBody(connection, id, bodyOf(900_000)),
  },
  {
    name: 'post, streamed',
    weight: 30,
    run: (connection, id) => sendBody(connection, id, bodyOf(100_000), '/report/pdf/1'),
  },
  {
    name: 'post, streamed in chunks',
    weight: 10,
    run: (connection, id) => sendChunks(connection, id, bodyOf(100_000), '/report/pdf/1'),
  },
];

const leaving: Scenario[] = [
  {
    name: 'leaves within its head',
    weight: 10,
    async run(connection, id) {
      const bytes = get(`/odoo?id=${id}`);
      connection.send(bytes.slice(0, randomInt(bytes.length)));
      return await leave(connection, 20);
    },
  },
  {
    name: 'leaves within its body',
    weight: 10,
    async run(connection, id) {
      const body = bodyOf(500_000);
      connection.send(post(`/odoo?id=${id}`, lengthField(body)));
      connection.send(body.subarray(0, randomInt(body.length)));
      return await leave(connection, 20);
    },
  },
  {
    name: 'leaves within its streamed body',
    weight: 10,
    async run(connection, id) {
      const body = bodyOf(500_000);
      connection.send(post(`/report/pdf/1?id=${id}`, lengthField(body)));
      connection.send(body.subarray(0, randomInt(body.length)));
      return await leave(connection, 20);
    },
  },
  {
    name: 'leaves while it waits',
    weight: 10,
    async run(connection, id) {
      connection.send(get(`/odoo?id=${id}&wait=20`));
      return await leave(connection, 30);
    },
  },
  {
    name: 'leaves within its answer',
    weight: 2,
    async run(connection, id) {
      connection.socket.pause();
      connection.send(get(`/odoo?id=${id}&bytes=${5 * mebibyte}`));
      return await leave(connection, 100);
    },
  },
  {
    name: 'speaks something else',
    weight: 8,
    async run(connection) {
      connection.send('\x16\x03\x01 this is no HTTP\r\n\r\n');
      return expectAnswer(await connection.answer(), 400, 'framing_invalid');
    },
  },
];

const slow: Scenario[] = [
  {
    name: 'reads slowly',
    weight: 4,
    async run(connection, id) {
      const bytes = 3 * mebibyte;
      connection.send(get(`/odoo?id=${id}&bytes=${bytes}`));
      const sips = setInterval(() => {
        if (connection.socket.isPaused()) connection.socket.resume();
        else connection.socket.pause();
      }, 20);
      try {
        return expectAnswer(await connection.answer(), 200, contentOf(id, bytes));
      } finally {
        clearInterval(sips);
        connection.socket.resume();
      }
    },
  },
  {
    name: 'writes its head slowly',
    weight: 5,
    async run(connection, id) {
      await sendPiecewise(connection, Buffer.from(get(`/odoo?id=${id}`)), { pieces: 10, pauseMs: 20 });
      return expectAnswer(await connection.answer(), 200, contentOf(id, 200));
    },
  },
  {
    name: 'writes its body slowly',
    weight: 16,
    async run(connection, id) {
      const body = bodyOf(50_000);
      connection.send(post(`/odoo?id=${id}`, chunkedField));
      await sendPiecewise(connection, chunksOf(body, 3_000), { pieces: 20, pauseMs: 20 });
      return expectAnswer(await connection.answer(), 200, receiptOf(id, body));
    },
  },
];

const faults: Scenario[] = [
  ...['reset', 'close', 'garbage'].map((fault) => ({
    name: `worker: ${fault}`,
    weight: 5,
    run: (connection: SoakConnection, id: string) =>
      expectFailure(connection, `/odoo?id=${id}&fault=${fault}`, 'upstream_invalid'),
  })),
  {
    name: 'worker: cut',
    weight: 5,
    async run(connection, id) {
      connection.send(get(`/odoo?id=${id}&bytes=50000&fault=cut`));
      const whole = await connection.answer().then(
        ({ status }) => status,
        () => undefined,
      );
      // 502 when the half was lost with the reset.
      if (whole !== undefined && whole !== 502)
        throw new Error(`half an answer came as a whole one of ${whole}`);
      return whole === undefined ? 'broken off' : 'answered';
    },
  },
  {
    name: 'worker: surplus',
    weight: 5,
    async run(connection, id) {
      connection.send(get(`/odoo?id=${id}&fault=surplus`));
      return expectAnswer(await connection.answer(), 200, 'ok');
    },
  },
];

export const scenarios: readonly Scenario[] = [...good, ...leaving, ...slow, ...faults];
