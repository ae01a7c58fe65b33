import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readUid } from '../../src/odoo/read-call.ts';
import { readCallKw, readJson2Size, readJsonRpc, readXmlRpc, type RpcCall } from '../../src/odoo/read-rpc.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { askPython, type CallCase, type PythonAnswer } from './ask-python.ts';
import {
  chooseFrom,
  choices,
  damage,
  json2Body,
  kwParams,
  rpcArguments,
  rpcParams,
  type Value,
  writeJson,
  writeXmlRpc,
} from './call-texts.ts';

const runs = 4_000;

/** Python refuses these texts as a whole: what it does not take for JSON or XML at all must not be read here either. */
const notWellFormed = new Set(['JSONDecodeError', 'RecursionError', 'ExpatError']);

/** Size is compared as far as both tell it: Odoo has no limit where it is 0. */
function sizeOf({ records, limit }: { records?: unknown; limit?: unknown }): unknown[] {
  return [records ?? null, typeof limit === 'number' && limit > 0 ? limit : null];
}

function ofRpc(call: RpcCall): unknown {
  if (call.service !== 'object') return [call.service, call.method, call.heads.slice(0, 2)];
  const [database, , , model, name] = call.heads;
  return ['object', call.method, database, model, name, ...(isModelCall(call.method) ? sizeOf(call) : [])];
}

/** Python's view of the same. */
function ofPython(answer: Record<string, unknown>): unknown {
  const heads = answer['heads'] as unknown[];
  if (answer['service'] !== 'object') return [answer['service'], answer['method'], heads.slice(0, 2)];
  return ['object', answer['method'], ...heads, ...(isModelCall(answer['method']) ? sizeOf(answer) : [])];
}

/** With another method Odoo calls nothing (odoo/service/model.py). */
function isModelCall(method: unknown): boolean {
  return method === 'execute' || method === 'execute_kw';
}

/** The same form for what is no text, number or truth value. */
function scalarsOnly(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(scalarsOnly);
  return typeof part === 'object' || part === undefined ? null : part;
}

interface Outcome {
  read: number;
  disagreements: string[];
}

function compare(
  python: string,
  cases: readonly CallCase[],
  ours: (body: CallCase) => unknown,
  theirs: (answer: Record<string, unknown>) => unknown,
): Outcome {
  const answers = askPython(python, cases);
  expect(answers.length).toBe(cases.length);
  const outcome: Outcome = { read: 0, disagreements: [] };
  for (const [index, test] of cases.entries()) {
    const read = ours(test);
    if (read === undefined) continue;
    const answer: PythonAnswer = answers[index] ?? { refused: 'no answer' };
    if ('refused' in answer && typeof answer.refused === 'string') {
      if (!notWellFormed.has(answer.refused)) continue;
    } else outcome.read++;
    const expected = 'refused' in answer ? answer : scalarsOnly(theirs(answer));
    const got = scalarsOnly(read);
    if (JSON.stringify(got) !== JSON.stringify(expected))
      outcome.disagreements.push(
        `${test.body.toString('latin1')}\n  here ${JSON.stringify(got)}\n  Python ${JSON.stringify(expected)}`,
      );
  }
  return outcome;
}

/** `seed` shows in the message of a failure, so that it can be drawn again. */
function draw<T>(arbitrary: fc.Arbitrary<T>): { seed: number; drawn: T[] } {
  const seed = Math.floor(Math.random() * 2 ** 31);
  return { seed, drawn: fc.sample(arbitrary, { numRuns: runs, seed }) };
}

function settle({ read, disagreements }: Outcome, seed: number): void {
  expect(disagreements.slice(0, 3), `seed ${seed}`).toEqual([]);
  // A test in which neither of the two reads anything would prove nothing.
  expect(read, `seed ${seed}`).toBeGreaterThan(runs / 20);
}

const message = (params: Value): Value => ({ jsonrpc: '2.0', method: 'call', params, id: 7 });

describeWithTool('python3', 'what is read of a call, Python reads too', (python) => {
  it('on /jsonrpc', () => {
    const { seed, drawn } = draw(fc.tuple(rpcParams, choices, damage));
    const cases = drawn.map(([params, numbers, spoil]): CallCase => ({
      kind: 'json-rpc',
      body: spoil(Buffer.from(writeJson(message(params), chooseFrom(numbers)))),
    }));
    const ours = ({ body }: CallCase): unknown => {
      const call = readJsonRpc(body);
      return call && ofRpc(call);
    };
    settle(compare(python, cases, ours, ofPython), seed);
  });

  it('on /web/dataset/call_kw', () => {
    const { seed, drawn } = draw(fc.tuple(kwParams, choices, damage));
    const cases = drawn.map(([params, numbers, spoil]): CallCase => ({
      kind: 'call-kw',
      body: spoil(Buffer.from(writeJson(message(params), chooseFrom(numbers)))),
    }));
    const ours = ({ body }: CallCase): unknown => {
      const call = readCallKw(body);
      return call && [call.model, call.method, ...sizeOf(call)];
    };
    settle(
      compare(python, cases, ours, (read) => [read['model'], read['method'], ...sizeOf(read)]),
      seed,
    );
  });

  it('on /json/2', () => {
    const { seed, drawn } = draw(fc.tuple(json2Body, choices, damage));
    const cases = drawn.map(([named, numbers, spoil]): CallCase => ({
      kind: 'json-2',
      body: spoil(Buffer.from(writeJson(named, chooseFrom(numbers)))),
    }));
    const ours = ({ body }: CallCase): unknown => {
      const size = readJson2Size(body);
      return size && sizeOf(size);
    };
    settle(compare(python, cases, ours, sizeOf), seed);
  });

  it('on /xmlrpc', () => {
    const method = fc.constantFrom('execute_kw', 'execute', 'login', 'version', ' execute_kw', 'éxecute');
    const { seed, drawn } = draw(fc.tuple(method, rpcArguments, choices, damage));
    const cases = drawn.map(([name, args, numbers, spoil]): CallCase => ({
      kind: 'xml-rpc',
      service: 'object',
      body: spoil(Buffer.from(writeXmlRpc(name, Array.isArray(args) ? args : [args], chooseFrom(numbers)))),
    }));
    const ours = ({ body }: CallCase): unknown => {
      const call = readXmlRpc('object', body);
      return call && ofRpc(call);
    };
    settle(compare(python, cases, ours, ofPython), seed);
  });

  it('of a user id', () => {
    const spelled = fc.oneof(
      fc.integer({ min: -5, max: 99 }),
      fc.boolean(),
      fc.constantFrom('7', ' 7 ', '0_7', '+7', '-7', '', '7.5', 'x', '0x7'),
    );
    const { seed, drawn } = draw(spelled);
    const cases = drawn.map((uid): CallCase => ({
      kind: 'json-rpc',
      body: Buffer.from(
        JSON.stringify(message({ service: 'object', method: 'execute', args: ['d', uid, 'k', 'm', 'n'] })),
      ),
    }));
    const ours = ({ body }: CallCase): unknown => {
      const uid = readUid(readJsonRpc(body)?.heads[1]);
      return uid === undefined ? undefined : [uid];
    };
    const asInteger = (uid: unknown): unknown => (typeof uid === 'string' ? readUid(uid) : Number(uid));
    settle(
      compare(python, cases, ours, ({ uid }) => [asInteger(uid)]),
      seed,
    );
  });
});

describeWithTool('python3', 'an honest call is read', (python) => {
  it.each([
    [
      'json-rpc',
      'json.dumps',
      `import json; print(json.dumps({"jsonrpc": "2.0", "params": {"service": "object", "method": "execute_kw", "args": ["acme", 2, "k", "res.partner", "read", [[1, 2]], {"limit": 5}]}}), end="")`,
    ],
    [
      'xml-rpc',
      'xmlrpc.client',
      `import xmlrpc.client; print(xmlrpc.client.dumps(("acme", 2, "k", "res.partner", "read", [[1, 2]], {"limit": 5}), "execute_kw"), end="")`,
    ],
  ] as const)('as %s, written by %s', async (kind, _writer, script) => {
    const { execFileSync } = await import('node:child_process');
    const body = execFileSync(python, ['-c', script]);
    const call = kind === 'json-rpc' ? readJsonRpc(body) : readXmlRpc('object', body);
    expect(call).toEqual({
      service: 'object',
      method: 'execute_kw',
      heads: ['acme', 2, 'k', 'res.partner', 'read'],
      records: 2,
      limit: 5,
    });
  });
});
