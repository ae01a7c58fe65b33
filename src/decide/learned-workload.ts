// hot path: a comparison for each request, a look-up for each call that only the default of a zone that learns gives a class.
import type { OdooCall } from '../core/facts.ts';
import type { Caller, Timing } from './learned-classes.ts';
import type { WorkloadVerdict } from '../odoo/workload.ts';
import type { Inquiry } from './inquiry.ts';

/** The verdict, or batch work in its place where it is the zone's default and the method turned out to be slow. */
export function followLearned(inquiry: Inquiry, verdict: WorkloadVerdict): WorkloadVerdict {
  const { learn, byDefault } = inquiry.governing.workload;
  if (learn === undefined || verdict !== byDefault || verdict.workload !== 'interactive') return verdict;
  const call = inquiry.known.odoo;
  if (call?.service !== 'object') return verdict;
  const { learned, tracing } = inquiry.effects;
  const caller = callerOf(inquiry);
  if (learned === undefined) {
    return tracing
      ? {
          ...verdict,
          why: `${verdict.why}, unless a gateway has learned that ${namesOf(caller, call)} are slow`,
        }
      : verdict;
  }
  inquiry.learns = true;
  const timing = learned.findBatch(caller, call);
  if (timing === undefined) return verdict;
  return { workload: 'batch', at: learn.at, why: tracing ? whyOf(caller, call, timing) : '' };
}

/** A worker was busy with the request for so long, whatever came of it. To be called where `learns` is set. */
export function noteServiceTime(inquiry: Inquiry, serviceMs: number): void {
  const { learn } = inquiry.governing.workload;
  const call = inquiry.known.odoo;
  if (learn === undefined || call === undefined) return;
  const { slowerThanMs } = learn;
  inquiry.effects.learned?.observe(callerOf(inquiry), call, { serviceMs, slowerThanMs });
}

function callerOf({ governing, tenant }: Inquiry): Caller {
  return { zone: governing.name, tenant: tenant?.id };
}

function whyOf(caller: Caller, call: OdooCall, { meanMs, calls }: Timing): string {
  return `${namesOf(caller, call)} took ${(meanMs / 1000).toFixed(1)} s on average, ${calls} of them`;
}

function namesOf({ tenant }: Caller, { model, method }: OdooCall): string {
  const name = `calls of ${model}/${method}`;
  return tenant === undefined ? name : `${name} of ${tenant}`;
}
