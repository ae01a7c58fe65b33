import { fieldValue } from '../core/fields.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { CompiledLimit } from '../limits/compile.ts';
import { afterwardsCost, isPostPaid, kindCost, requestBytesCost, type Usage } from '../limits/cost.ts';
import type { Charge } from '../limits/store.ts';
import type { Inquiry } from './inquiry.ts';

/** What a request is called when its cost is remembered: its Odoo method, where it is one, or its workload. */
function routeOf({ facts, workload = 'interactive' }: Inquiry): string {
  const call = facts?.odoo;
  return call === undefined ? workload : `${call.model}/${call.method}`;
}

/** Bytes of the body as its head tells; undefined when it does not. */
function declaredBytes({ known: { fields } }: Inquiry): number | undefined {
  const length = fieldValue(fields, 'content-length');
  if (length !== undefined) return Number(length);
  return fieldValue(fields, 'transfer-encoding') === undefined ? 0 : undefined;
}

/**
 * What to take for a request before it is forwarded: what its kind and the declared size of its body cost, and an estimate
 * of what is only known afterwards. A request dearer than a full budget takes all of it, and owes the rest.
 */
export function reservedCost(limit: CompiledLimit, inquiry: Inquiry): number {
  const { cost, id, burst } = limit;
  const { workload = 'interactive', facts, effects, head } = inquiry;
  let tokens = kindCost(cost, workload, facts?.odoo);
  if (!isPostPaid(cost)) return tokens;
  tokens += requestBytesCost(cost, declaredBytes(inquiry) ?? 0);
  const afterwards = cost.perResponseBytes > 0 || cost.perSecond > 0;
  // Where the end of a request is not seen, nobody would ever settle an estimate.
  if (afterwards && !head.forwardedByPeer) tokens += effects.estimates.expect(id, routeOf(inquiry), workload);
  return Math.min(tokens, burst);
}

/** Whether only the end of a request tells all that it takes from a limit. */
export function isEndNeeded({ kind, cost }: CompiledLimit): boolean {
  return kind === 'inFlight' || cost.perResponseBytes > 0 || cost.perSecond > 0;
}

/** A charge that was taken and is not over. */
interface OpenCharge {
  charge: Charge;
  mode: LimitOutcome['mode'];
}

/**
 * The charges of one admitted request that its end decides: slots that come back, and costs that are known afterwards. Whoever
 * sees the end of the exchange calls `end`, however it came about; only the first call counts.
 */
export class Settlement {
  readonly #inquiry: Inquiry;
  readonly #open: readonly OpenCharge[];
  #ended = false;

  constructor(inquiry: Inquiry, open: readonly OpenCharge[]) {
    this.#inquiry = inquiry;
    this.#open = open;
  }

  end(usage: Usage): void {
    if (this.#ended) return;
    this.#ended = true;
    const { effects } = this.#inquiry;
    for (const { charge, mode } of this.#open) {
      const due = charge.limit.kind === 'inFlight' ? 0 : this.#dueOf(charge.limit, usage);
      effects.complete(charge, due, mode);
    }
  }

  #dueOf({ cost, id }: CompiledLimit, usage: Usage): number {
    const { workload = 'interactive', facts, effects } = this.#inquiry;
    const afterwards = afterwardsCost(cost, usage);
    if (cost.perResponseBytes > 0 || cost.perSecond > 0)
      effects.estimates.learn(id, { route: routeOf(this.#inquiry), workload, tokens: afterwards });
    const bytes = usage.requestBytes ?? declaredBytes(this.#inquiry) ?? 0;
    return kindCost(cost, workload, facts?.odoo) + requestBytesCost(cost, bytes) + afterwards;
  }
}

/** Notes on the inquiry which of its charges its end has to settle; none where nothing is left to settle. */
export function openSettlement(
  inquiry: Inquiry,
  charges: readonly Charge[],
  outcomes: readonly LimitOutcome[],
): void {
  let open: OpenCharge[] | undefined;
  for (let i = 0; i < charges.length; i++) {
    const charge = charges[i]!;
    const { limit, cost } = charge;
    if (limit.kind === 'inFlight' ? cost === 0 : !limit.cost.varies || !isPostPaid(limit.cost)) continue;
    const { admitted, mode } = outcomes[i]!;
    if (!admitted || mode === 'open') continue;
    (open ??= []).push({ charge, mode });
  }
  if (open !== undefined) inquiry.settlement = new Settlement(inquiry, open);
}
