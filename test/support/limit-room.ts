import { manualClock } from '../../src/core/clock.ts';
import type { Snapshot } from '../../src/decide/snapshot.ts';
import type { Exchange } from '../../src/http1/exchange.ts';
import { answerAboutLimits, type LimitFacts } from '../../src/admin/limit-answers.ts';
import type { LimitAnswer, LimitProcesses, LimitQuestion } from '../../src/admin/limit-questions.ts';
import { type LimitAdmin, LimitRoutes } from '../../src/admin/limit-routes.ts';
import type { CompiledLimit } from '../../src/limits/compile.ts';
import { MemoryStore } from '../../src/limits/memory-store.ts';
import type { AuditEntry } from '../../src/telemetry/audit.ts';
import { RecentRefusals } from '../../src/telemetry/recent-refusals.ts';

export const adminToken = 'a-token-of-thirty-two-characters';
const startMs = Date.UTC(2026, 0, 1);

interface Setup {
  scope: Snapshot;
  /** The configured token, where it is not `adminToken`. */
  secret?: string | undefined;
  processes?: number;
  /** What the processes answer in place of their own answer. */
  fails?: (question: LimitQuestion) => LimitAnswer | 'silence' | undefined;
}

/** An answer of the admin surface. */
interface Told {
  status: number;
  fields: Record<string, string>;
  body: unknown;
}

/** `/limits` on processes with a store in memory each, and what they left behind. */
export function openLimitRoom({ processes = 1, fails, ...setup }: Setup) {
  const { scope } = setup;
  const secret = 'secret' in setup ? setup.secret : adminToken;
  const clock = manualClock(startMs);
  const audit: AuditEntry[] = [];
  const counted: string[] = [];
  const facts = Array.from({ length: processes }, (): LimitFacts & { memory: MemoryStore } => {
    const memory = new MemoryStore({ clock });
    return {
      scope,
      memory,
      desk: memory,
      store: { kind: 'memory', up: true },
      guardKeysOf: () => 3,
      refusals: new RecentRefusals(clock),
      clock,
    };
  });
  const answer = async (fact: LimitFacts, question: LimitQuestion): Promise<LimitAnswer[]> => {
    const failed = fails?.(question);
    return failed === 'silence' ? [] : [failed ?? (await answerAboutLimits(fact, question))];
  };
  const all: LimitProcesses = {
    askAll: async (question) => (await Promise.all(facts.map((fact) => answer(fact, question)))).flat(),
    askOne: async (question) => (await answer(facts[0]!, question))[0],
  };
  const admin: LimitAdmin = {
    scope: () => scope,
    token: () => secret,
    processes: all,
    audit: { record: (entry) => void audit.push(entry) },
    clock,
    onChange: (action, outcome) => void counted.push(`${action} ${outcome}`),
  };
  const routes = new LimitRoutes(admin);
  const send = async (request: string, fields: string[] = []): Promise<Told> => {
    const [method = '', target = ''] = request.split(' ');
    let told: Told | undefined;
    const exchange = {
      method,
      target,
      fields,
      peerAddress: '192.0.2.9',
      answer(status: number, answered: string[], body: string) {
        const named = Object.fromEntries(
          answered.flatMap((name, i) => (i % 2 ? [] : [[name, answered[i + 1]]])),
        );
        told = { status, fields: named as Record<string, string>, body: JSON.parse(body) };
      },
    };
    await routes.respond(exchange as unknown as Exchange);
    if (told === undefined) throw new Error('there is no answer');
    return told;
  };
  return {
    clock,
    audit,
    counted,
    facts,
    send,
    body: async (request: string) => (await send(request)).body,
    /** Sends a change with the right token. */
    change: (request: string) => send(`POST ${request}`, ['authorization', `Bearer ${adminToken}`]),
    take: (limit: CompiledLimit, key: string, cost: number, place = 0) =>
      facts[place]!.memory.take([{ limit, key, cost }]),
    refuse,
  };

  function refuse(limit: CompiledLimit, key: string, requestId: string, place = 0): void {
    const { kind, name, at, shadow, burst, windowMs } = limit;
    const common = { key, cost: 1, remaining: 0, admitted: false, retryAfterMs: 40, moreAfterMs: 40 };
    const zone = limit.id.slice(0, limit.id.indexOf('/'));
    facts[place]!.refusals.note(zone, { kind, name, at, shadow, burst, windowMs, ...common }, requestId);
  }
}
