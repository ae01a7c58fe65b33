import type { TraceStep } from '../core/decision.ts';
import type { Inquiry } from './inquiry.ts';
import type { StageName } from './stages.ts';

/** Records what a stage concluded, when somebody wants to know; on live traffic it costs a comparison. */
export function note(inquiry: Inquiry, stage: StageName, step: Omit<TraceStep, 'stage'>): void {
  if (inquiry.effects.tracing) inquiry.trace.push({ stage, ...step });
}
