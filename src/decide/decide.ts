// hot path
import type { Allow, Decision, Refusal, Refuse } from '../core/decision.ts';
import type { RequestHead } from '../core/request-head.ts';
import type { Effects } from './effects.ts';
import { Inquiry } from './inquiry.ts';
import type { Snapshot } from './snapshot.ts';
import { type Stage, type StageResult, stages } from './stages.ts';

/** A decision, and the inquiry behind it for whoever forwards the request. */
export interface Decided {
  decision: Decision;
  inquiry: Inquiry;
}

/**
 * Decides what becomes of a request: the one function behind the inline proxy, ForwardAuth, `explain` and policy tests.
 * It knows no sockets, never throws for a bad request, and stays synchronous until a stage has to wait for a key or a store.
 */
export function decide(head: RequestHead, snapshot: Snapshot, effects: Effects): Decided | Promise<Decided> {
  return runFrom(0, new Inquiry(head, snapshot, effects));
}

const nothingUsed = { requestBytes: 0, responseBytes: 0, durationMs: 0 };

function runFrom(first: number, inquiry: Inquiry): Decided | Promise<Decided> {
  try {
    return runStages(first, inquiry);
  } catch (error) {
    // Nobody else will know of this inquiry, so what it holds comes back here.
    inquiry.settlement?.end(nothingUsed);
    throw error;
  }
}

function runStages(first: number, inquiry: Inquiry): Decided | Promise<Decided> {
  for (let i = first; i < stages.length; i++) {
    const stage = stages[i];
    if (stage === undefined) break;
    const result = stage.run(inquiry);
    if (result === undefined) {
      if (inquiry.effects.tracing) recordPass(stage, inquiry);
      continue;
    }
    if (result instanceof Promise) return result.then((late) => conclude(i, inquiry, late));
    inquiry.settlement?.end(nothingUsed);
    return refuse(i, inquiry, result);
  }
  return allow(inquiry);
}

function conclude(index: number, inquiry: Inquiry, result: StageResult): Decided | Promise<Decided> {
  const stage = stages[index];
  if (result !== undefined) {
    inquiry.settlement?.end(nothingUsed);
    return refuse(index, inquiry, result);
  }
  if (inquiry.effects.tracing && stage !== undefined) recordPass(stage, inquiry);
  return runFrom(index + 1, inquiry);
}

/** Every stage leaves a line in the trace, also one that had nothing to say. */
function recordPass({ name }: Stage, inquiry: Inquiry): void {
  if (inquiry.trace.at(-1)?.stage !== name)
    inquiry.trace.push({ stage: name, outcome: 'passed', at: '', note: '' });
}

function refuse(index: number, inquiry: Inquiry, refusal: Refusal): Decided {
  const stage = stages[index];
  if (inquiry.effects.tracing && stage !== undefined && inquiry.trace.at(-1)?.stage !== stage.name) {
    inquiry.trace.push({
      stage: stage.name,
      outcome: refusal.reason,
      at: refusal.at,
      note: refusal.detail ?? '',
    });
  }
  // What is known so far.
  const decision: Refuse = {
    decision: 'refuse',
    refusal,
    zone: inquiry.zone?.name,
    principal: inquiry.principal,
    tenant: inquiry.tenant,
    workload: inquiry.workload,
    workClass: inquiry.workClass,
    pool: inquiry.pool,
    odoo: inquiry.facts?.odoo,
    limits: inquiry.limits,
    trace: inquiry.trace,
  };
  return { decision, inquiry };
}

function allow(inquiry: Inquiry): Decided {
  const { governing, workload, workClass, pool } = inquiry;
  if (workload === undefined || workClass === undefined || pool === undefined) {
    throw new TypeError('"stages" ended without workload and pool');
  }
  const decision: Allow = {
    decision: 'allow',
    at: governing.at,
    zone: governing.name,
    principal: inquiry.principal,
    tenant: inquiry.tenant,
    workload,
    workClass,
    pool,
    odoo: inquiry.known.odoo,
    limits: inquiry.limits,
    trace: inquiry.trace,
  };
  return { decision, inquiry };
}
