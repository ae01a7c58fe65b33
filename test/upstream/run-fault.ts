import { expect } from 'vitest';
import { reasons } from '../../src/core/reason.ts';
import { surfaceHostField as hostField, waitUntil } from '../surface/start-surface.ts';
import { reasonOf, type WireAnswer, WireConnection } from '../surface/wire-connection.ts';
import { type Fault, type FaultRequest, invalid, type Scene, type Sees, whole } from './fault.ts';
import { type Lane, lastPath } from './lane.ts';
import { Script } from './script.ts';

/** RFC 9110 §9.2.2. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

let runs = 0;

/**
 * Plays one fault and judges what the client sees, how often the upstream saw the request, and what is left behind: the
 * connection, the seat, the log line, and the answers of the two requests that come next.
 */
export async function runFault(lane: Lane, fault: Fault, scene: Scene): Promise<void> {
  const { surface, upstream } = lane;
  const run = ++runs;
  const logged = surface.requests().length;
  const warmed = scene === 'later' ? await warm(lane, `/warm/${run}`) : 0;

  const target = `/fault/${run}`;
  const script = new Script(fault.steps);
  lane.play([script, ...(fault.next === undefined ? [] : [new Script(fault.next)])]);
  const { method = 'GET' } = fault.request ?? {};
  const { sees, seen } = expectationOf(fault, { scene, method, target });
  const client = await WireConnection.open(surface.port);
  let transcript = '';
  client.socket.on('data', (text: string) => {
    transcript += text;
    script.clientReceived(text);
  });
  client.send(requestText(fault.request, target, scene === 'old client' ? '1.0' : '1.1'));
  const { outcome, goesOn } = await judge(client, sees, { method, scene, transcript: () => transcript });
  await waitUntil(() => script.done || (fault.cut === true && script.closed), 'the end of the script');
  // Three turns of a loop are over since: a request that is sent again would be here.
  expect(lane.heads.filter(({ line }) => line.startsWith(`${method} ${target} `)).length).toBe(seen);
  if (scene === 'later') expect(lane.heads.at(-seen)?.socket).toBe(lane.heads.at(-seen - 1)?.socket);

  script.socket?.resume();
  const reuse = scene === 'alone' || scene === 'old client' ? false : (fault.reuse ?? false);
  if (reuse === false) await waitUntil(() => script.closed, 'the end of the connection to the upstream');

  // Nobody else's answer, and the only seat is free for it, on the same connection of the client when it still stands.
  await expectOwnAnswer(lane, { client: goesOn ? client : undefined, target: `/next/${run}` });
  if (reuse === true) expect(lane.heads.at(-1)?.socket).toBe(script.socket);
  client.destroy();
  await expectOwnAnswer(lane, { client: undefined, target: `${lastPath}/${run}` });
  await waitUntil(() => upstream.open === 0, 'no connection to the upstream');

  const count = warmed + 3;
  await waitUntil(() => surface.requests().length >= logged + count, 'the log lines');
  expect(surface.requests().slice(logged + warmed)).toMatchObject([
    { method, path: target, ...loggedAs(outcome), upstream: upstream.url },
    { path: `/next/${run}`, status: 200 },
    { path: `${lastPath}/${run}`, status: 200 },
  ]);
}

/** A connection to the upstream stands then, and has served. */
async function warm(lane: Lane, target: string): Promise<number> {
  lane.play([]);
  await expectOwnAnswer(lane, { client: undefined, target });
  expect(lane.upstream.open).toBe(1);
  return 1;
}

async function expectOwnAnswer(
  { surface }: Lane,
  { client, target }: { client: WireConnection | undefined; target: string },
): Promise<void> {
  const connection = client ?? (await WireConnection.open(surface.port));
  connection.send(requestText(undefined, target, '1.1'));
  const { status, body, interim } = await connection.answer();
  expect({ status, body, interim }).toEqual({ status: 200, body: target, interim: [] });
  expect(connection.received).toBe('');
  if (client === undefined) connection.destroy();
}

/** What the client may see, and how often the upstream may see the request. */
function expectationOf(
  { sees, next }: Fault,
  { scene, method, target }: { scene: Scene; method: string; target: string },
): { sees: readonly Sees[]; seen: number } {
  const answered = whole(method === 'HEAD' ? '' : target);
  const allowed: readonly Sees[] = 'kind' in sees ? [sees] : sees;
  if (!allowed.some(({ kind }) => kind === 'stale'))
    return { sees: allowed.map((one) => (one.kind === 'elsewhere' ? answered : one)), seen: 1 };
  if (scene !== 'later' || !idempotent.has(method)) return { sees: [invalid], seen: 1 };
  return { sees: [next === undefined ? answered : invalid], seen: 2 };
}

/** Gives which of the allowed outcomes it was, and whether the client may use its connection again. */
async function judge(
  client: WireConnection,
  allowed: readonly Sees[],
  { method, scene, transcript }: { method: string; scene: Scene; transcript: () => string },
): Promise<{ outcome: Sees; goesOn: boolean }> {
  const breaks = allowed.find(({ kind }) => kind === 'broken');
  let answer: WireAnswer;
  try {
    answer = await client.answer({ toHead: method === 'HEAD' });
  } catch (error) {
    if (breaks?.kind !== 'broken') throw error;
    const how = await client.closed(0);
    // To HTTP/1.0 an orderly close is the end of the answer.
    if (scene === 'old client') expect(how).toBe('reset');
    expect(breaks.body.startsWith(contentIn(transcript()))).toBe(true);
    return { outcome: breaks, goesOn: false };
  }
  const { status, body, interim } = answer;
  const found = { status, body, interim, reason: reasonOf(answer) };
  // An answer to HEAD has no body that could tell the reason; the log tells it.
  const wanted = allowed.map((sees) => ({
    ...answerOf(sees, found.body),
    ...(method === 'HEAD' && { reason: undefined }),
  }));
  expect(wanted).toContainEqual(found);
  // Nothing may stand behind the answer.
  expect(client.received).toBe('');
  const outcome = allowed[wanted.findIndex((one) => one.reason === found.reason && one.status === status)];
  if (outcome === undefined) throw new Error('unreachable');
  if (outcome.kind === 'whole') {
    const { fields, framing } = fieldLines(transcript());
    if (outcome.fields !== undefined) expect(fields).toEqual(outcome.fields);
    if (outcome.framing !== undefined) expect(framing).toEqual(outcome.framing);
    if (scene === 'old client') expect(framing.join()).not.toContain('transfer-encoding');
  }
  return { outcome, goesOn: scene !== 'old client' && answer.fields['connection'] !== 'close' };
}

/** A refusal may be worded as it likes. */
function answerOf(sees: Sees, body: string) {
  switch (sees.kind) {
    case 'refused':
      return { status: reasons[sees.reason].status as number, body, interim: [], reason: sees.reason };
    case 'whole':
      return { status: sees.status, body: sees.body, interim: [], reason: undefined };
    case 'broken':
    case 'stale':
    case 'elsewhere':
      return { status: 0, body: 'a visible end before its time', interim: [], reason: undefined };
  }
}

function loggedAs(sees: Sees): Record<string, unknown> {
  switch (sees.kind) {
    case 'refused':
      return { status: reasons[sees.reason].status, reason: sees.reason };
    case 'whole':
      return { status: sees.status };
    case 'broken':
      return { reason: sees.reason };
    case 'stale':
    case 'elsewhere':
      return {};
  }
}

function requestText(
  { method = 'GET', body }: FaultRequest = {},
  target: string,
  version: '1.0' | '1.1',
): string {
  const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`;
  return `${method} ${target} HTTP/${version}\r\n${hostField}${length}\r\n${body ?? ''}`;
}

/** What there is of the content of an answer that broke off. */
function contentIn(text: string): string {
  const at = text.indexOf('\r\n\r\n');
  if (at === -1) return '';
  const content = text.slice(at + 4);
  if (!/^transfer-encoding:/im.test(text.slice(0, at))) return content;
  return content.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '').replace(/\r\n$/, '');
}

const connectionFields: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'date', 'x-request-id']);
const framingFields: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);

/** The field lines of an answer as they came. */
function fieldLines(text: string): { fields: string[]; framing: string[] } {
  const [, ...all] = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');
  const named = all.map((line) => ({ line, name: line.slice(0, line.indexOf(':')).toLowerCase() }));
  return {
    fields: named
      .filter(({ name }) => !connectionFields.has(name) && !framingFields.has(name))
      .map(({ line }) => line),
    framing: named.filter(({ name }) => framingFields.has(name)).map(({ line }) => line),
  };
}
