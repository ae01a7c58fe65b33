import { isDeepStrictEqual } from 'node:util';
import { startGateway } from '../../src/gateway/gateway.ts';
import { portOf, writeFiles } from '../support/test-gateway.ts';
import { askOnce, reasonOf, type WireAnswer, WireConnection } from '../surface/wire-connection.ts';
import { canaryMark, startRecordingUpstream } from './recording-upstream.ts';
import { sendPieces } from './send-pieces.ts';
import { type UpstreamRequest, upstreamText } from './upstream-text.ts';
import { endOf, hostField, type WireCase } from './wire-case.ts';

/** Largest request body that the range's pools take. */
export const maxBodyBytes = 1024;
export const wideHost = 'acme.wide.example';

/** What came of a case, in the words of its claim. */
export interface Outcome {
  /** Each final answer: status, then the request that it is for or the reason of the refusal. */
  answers: string[];
  interim: readonly number[];
  end: 'open' | 'closed' | 'either';
  /** Every byte that reached Odoo, one text per connection. */
  arrived: string[];
}

export interface WireRange {
  /** Sends `pieces`, each in a write of its own and read before the next one, and tells what came of them. */
  play(one: WireCase, pieces: readonly Buffer[]): Promise<{ outcome: Outcome; expected: Outcome }>;
  /**
   * Plays a case with each of these ways to cut it, one after the other; on one connection if the case leaves it open. Tells
   * those that came out differently.
   */
  playAll(one: WireCase, ways: readonly (readonly Buffer[])[]): Promise<unknown[]>;
  /** What reached Odoo and belongs to no case. */
  left(): string[];
  stop(): Promise<void>;
}

/**
 * A gateway that listens for raw bytes, in front of an upstream that keeps every byte. There are no limits and no path rules
 * here but one: this is about how a request is read, and not about what it may do.
 */
export async function startWireRange(): Promise<WireRange> {
  const upstream = await startRecordingUpstream();
  const pool = `endpoints: [{ url: "${upstream.url}", seats: 1000 }], health: false, maxBody: ${maxBodyBytes}B`;
  const files = writeFiles({
    'gateway.yaml': `
listeners: { proxy: 127.0.0.1:0, admin: 127.0.0.1:0 }
telemetry: { accessLog: false }
drain: { delay: 0s, timeout: 1s }
`,
    'identities.yaml': 'issuers: []\n',
    'tenants.yaml': 'tenants: [{ id: acme, tier: shared, database: acme }]\n',
    'pools.yaml': `
pools:
  - { name: interactive, ${pool} }
  - { name: websocket, kind: websocket, ${pool} }
`,
    'zones/staff.yaml': `
zone: staff
match: Host(\`{tenant}.erp.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: interactive, batch: interactive, websocket: websocket }
headers: { pass: [x-mine-*] }
`,
    'zones/wide.yaml': `
zone: wide
match: Host(\`{tenant}.wide.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: interactive, batch: interactive }
headers: { pass: [a*, c*, e*, f*, h*, k*, p*, t*, u*, x*] }
`,
  });
  const gateway = await startGateway({
    directory: files.directory,
    env: {},
    logSink: { write: () => {} },
    watchIntervalMs: 0,
  });
  files.remove();
  const port = portOf(gateway, 'proxy');

  let addresses = 0;
  /**
   * Each case comes from an address of its own, so that whatever reaches Odoo can be told to be its doing, however badly the
   * case was read. On Linux all of 127.0.0.0/8 is this machine.
   */
  const nextAddress = (): string => {
    const number = ++addresses;
    return `127.${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  };

  let canaries = 0;
  /** The next client gets its own answer. Its round trip is longer than the way upstream of what came before it. */
  const expectCanary = async (): Promise<void> => {
    const line = `GET /web/login${canaryMark}${++canaries}`;
    const answer = await askOnce(port, `${line} HTTP/1.1\r\n${hostField}\r\n`);
    if (describe(answer) !== `200 ${line}`) throw new Error(`the canary was answered ${describe(answer)}`);
  };

  const playOn = async (
    connection: WireConnection,
    one: WireCase,
    pieces: readonly Buffer[],
  ): Promise<Omit<Outcome, 'arrived'>> => {
    await sendPieces(connection, pieces);
    const claimed = claimOf(one);
    if (one.cut === true) {
      connection.socket.end();
      await connection.closed();
      return { answers: connection.received === '' ? [] : [connection.received], interim: [], end: 'closed' };
    }
    const answers: WireAnswer[] = [];
    for (const claim of claimed.answers) {
      answers.push(
        await connection.answer({ toHead: claim.includes(' HEAD ') || one.bytes.startsWith('HEAD ') }),
      );
    }
    const last = answers.at(-1);
    let end: Outcome['end'] = last?.fields['connection'] === 'close' ? 'closed' : 'open';
    if (end === 'closed') await connection.closed();
    else if (last?.status !== 101) await expectAnother(connection);
    if (connection.received !== '')
      answers.push({ status: 0, fields: {}, body: connection.received, interim: [] });
    if (claimed.end === 'either') end = 'either';
    return { answers: answers.map(describe), interim: answers[0]?.interim ?? [], end };
  };

  return {
    async play(one, pieces) {
      const address = nextAddress();
      const connection = await WireConnection.open(port, { localAddress: address });
      try {
        const played = await playOn(connection, one, pieces);
        await expectCanary();
        const { arrived, ...claimed } = claimOf(one);
        return {
          outcome: { ...played, arrived: upstream.take(address) },
          expected: { ...claimed, arrived: arrived.map((request) => upstreamText(request, address)) },
        };
      } finally {
        connection.destroy();
        upstream.take(address);
      }
    },

    async playAll(one, ways) {
      const address = nextAddress();
      const { arrived, ...claimed } = claimOf(one);
      const expected = { ...claimed, arrived: arrived.map((request) => upstreamText(request, address)) };
      const goesOn = claimed.end === 'open' && arrived[0]?.webSocket !== true;
      const different: unknown[] = [];
      let connection: WireConnection | undefined;
      try {
        for (const pieces of ways) {
          connection ??= await WireConnection.open(port, { localAddress: address });
          const played = await playOn(connection, one, pieces);
          const outcome = { ...played, arrived: upstream.take(address) };
          if (!isDeepStrictEqual(outcome, expected)) {
            different.push({ sent: pieces.map((piece) => piece.toString('latin1')), outcome, expected });
          }
          if (goesOn && connection.open) continue;
          connection.destroy();
          connection = undefined;
        }
        await expectCanary();
        const late = upstream.take(address);
        if (late.length > 0) different.push({ late });
        return different;
      } finally {
        connection?.destroy();
        upstream.take(address);
      }
    },

    left: () => upstream.left(),
    async stop() {
      await gateway.stop();
      await upstream.close();
    },
  };
}

/** The claim of a case, as an outcome. */
function claimOf(one: WireCase): Omit<Outcome, 'arrived'> & { arrived: readonly UpstreamRequest[] } {
  const { reaches = [], refused, interim = [] } = one;
  const passed = reaches.map(({ line = 'GET /odoo', webSocket }) =>
    webSocket === true ? '101 ' : `200 ${line}`,
  );
  // A refusal of HEAD has no body that could tell its reason.
  const refusal = one.bytes.startsWith('HEAD ') ? refused?.replace(/ .*/, ' ') : refused;
  return {
    answers: refusal === undefined ? passed : [...passed, refusal],
    interim,
    end: endOf(one),
    arrived: reaches,
  };
}

function describe(answer: WireAnswer): string {
  return `${answer.status} ${answer.fields['x-saw'] ?? reasonOf(answer) ?? answer.body}`;
}

/** The client of the case itself goes on, where it may. */
async function expectAnother(connection: WireConnection): Promise<void> {
  const line = `GET /web/login${canaryMark}again`;
  connection.send(`${line} HTTP/1.1\r\n${hostField}\r\n`);
  const answer = await connection.answer();
  if (describe(answer) !== `200 ${line}`)
    throw new Error(`the next request was answered ${describe(answer)}`);
}
