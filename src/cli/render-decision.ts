import { type Reason, reasons } from '../core/reason.ts';
import type { DecisionJson } from '../decide/decision-json.ts';

/** A decision as a person reads it: the answer first, then what was found out, then how. */
export function renderDecision({ request }: { request: string }, decision: DecisionJson): string {
  const lines = [request, '', headline(decision)];
  const fact = (name: string, value: string | null | undefined): void => {
    if (value !== null && value !== undefined && value !== '') lines.push(`  ${name.padEnd(10)} ${value}`);
  };
  const { principal, odoo } = decision;
  fact('at', decision.at);
  fact('zone', decision.zone);
  fact(
    'principal',
    principal === null ? null : `${principal.subject} (${principal.kind} of ${principal.issuer})`,
  );
  fact('tenant', decision.tenant);
  fact('Odoo call', odoo === null ? null : `${odoo.model || odoo.service} ${odoo.method}`);
  fact('workload', decision.workload);
  fact('class', decision.class);
  fact('pool', decision.pool);
  for (const limit of decision.limits) {
    const whose = limit.figures === 'default' ? '' : `, figures: ${limit.figures}`;
    const verdict = limit.admitted ? '' : limit.shadow ? ', would refuse' : ', refuses';
    fact(
      'limit',
      `${limit.name} of ${limit.key}: costs ${limit.cost}, ${limit.remaining} left${untilOf(limit)}${limit.shadow ? ' (shadow)' : ''}${whose}${verdict}`,
    );
  }
  lines.push('', 'How it came to that:');
  const stageWidth = Math.max(...decision.trace.map((step) => step.stage.length));
  const outcomeWidth = Math.max(...decision.trace.map((step) => step.outcome.length));
  for (const { stage, outcome, at, note } of decision.trace) {
    const tail = [note, at === '' ? '' : `(${at})`].filter((part) => part !== '').join(' ');
    lines.push(`  ${stage.padEnd(stageWidth)}  ${outcome.padEnd(outcomeWidth)}  ${tail}`.trimEnd());
  }
  return `${lines.join('\n')}\n`;
}

function headline({ decision, reason, status }: DecisionJson): string {
  if (decision === 'allow' || reason === null) return 'ALLOW';
  return `REFUSE ${status} ${reason}: ${reasons[reason as Reason].title}.`;
}

function untilOf({ kind, windowEnds }: DecisionJson['limits'][number]): string {
  if (kind === 'inFlight') return ' at a time';
  return windowEnds === null ? '' : ` until ${windowEnds}`;
}
