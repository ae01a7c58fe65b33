// hot path: one object per request with a fixed shape, filled in by the stages.
import type { Facts } from '../core/facts.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { Principal } from '../core/principal.ts';
import type { RequestHead } from '../core/request-head.ts';
import type { TraceStep } from '../core/decision.ts';
import type { WorkClass } from '../core/work-class.ts';
import type { Workload } from '../core/workload.ts';
import type { Alternative } from '../auth/compile.ts';
import type { RegisteredTenant } from '../tenants/registry.ts';
import type { Effects } from './effects.ts';
import type { Settlement } from './settlement.ts';
import type { CompiledZone, Snapshot } from './snapshot.ts';
import type { StageName } from './stages.ts';

const noLimits: readonly LimitOutcome[] = [];

type Note = TraceStep & { stage: StageName };

/** A decision in the making. Each stage reads what the earlier ones found and adds its own finding. */
export class Inquiry {
  readonly head: RequestHead;
  readonly snapshot: Snapshot;
  readonly effects: Effects;
  facts: Facts | undefined = undefined;
  zone: CompiledZone | undefined = undefined;
  /** What `{tenant}` in the zone's Host rule stood for. */
  captured: string | undefined = undefined;
  principal: Principal | undefined = undefined;
  /** The alternative of `identify` that vouches for the principal. */
  credential: Alternative | undefined = undefined;
  /** Whether there is a call whose body came and was not read: it is too large or ambiguous. */
  unreadCall = false;
  tenant: RegisteredTenant | undefined = undefined;
  workload: Workload | undefined = undefined;
  /** Whether the time that Odoo takes for it tells how it is to be classed. */
  learns = false;
  workClass: WorkClass | undefined = undefined;
  pool: string | undefined = undefined;
  /** The line that chose the pool. */
  poolAt = '';
  limits: readonly LimitOutcome[] = noLimits;
  /** What the end of the exchange has to settle. */
  settlement: Settlement | undefined = undefined;
  readonly trace: Note[] = [];

  constructor(head: RequestHead, snapshot: Snapshot, effects: Effects) {
    this.head = head;
    this.snapshot = snapshot;
    this.effects = effects;
  }

  /** Facts are there for every stage after the first. */
  get known(): Facts {
    if (this.facts === undefined) throw new TypeError('"facts" are read before the request is canonical');
    return this.facts;
  }

  /** Where a stage records what it concluded. Undefined when nobody wants to know, so that live traffic builds no text for it. */
  get notes(): Note[] | undefined {
    return this.effects.tracing ? this.trace : undefined;
  }

  /** The zone is there for every stage after the second. */
  get governing(): CompiledZone {
    if (this.zone === undefined) throw new TypeError('"zone" is read before the zone is found');
    return this.zone;
  }
}
