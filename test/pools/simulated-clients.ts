import type { PoolRefusal, Queued, Seat, Waiter } from '../../src/pools/seat.ts';
import type { WorkClass } from '../../src/core/work-class.ts';
import { type EventClock } from './event-clock.ts';

/** What gives out seats: the pool, or what it is compared with. */
export interface SeatSource {
  take(waiter: Waiter): Pick<Seat, 'release' | 'kind'> | Queued | PoolRefusal;
  leave(waiter: Waiter): boolean;
}

/** Clients that are alike. */
export interface Clients {
  group: string;
  tenants: number;
  /** Requests of each tenant in a second, at random times. */
  perSecond: number;
  workClass: WorkClass;
  meanServiceMs: number;
  patienceMs: number;
  /** From when to when they send; always by default. */
  fromMs?: number;
  untilMs?: number;
  /** How often a client tries again that got no answer, each time after a second. */
  retries?: number;
}

export interface Outcome {
  sent: number;
  ok: number;
  refused: number;
  /** How long those waited that had an answer, in order. */
  latenciesMs: number[];
  seatMs: number;
}

/** Clients of a pool in virtual time, with what became of their requests. */
export class SimulatedClients {
  readonly outcomes = new Map<string, Outcome>();
  /** Seat time of answers that nobody waited for any more. */
  wastedMs = 0;
  usedMs = 0;
  seated = 0;
  readonly #clock: EventClock;
  readonly #random: () => number;
  readonly #source: SeatSource;
  /** Told of each answer. */
  onDone: (group: string, latencyMs: number) => void = () => {};

  constructor(clock: EventClock, random: () => number, source: SeatSource) {
    this.#clock = clock;
    this.#random = random;
    this.#source = source;
  }

  outcome(group: string): Outcome {
    let outcome = this.outcomes.get(group);
    if (outcome === undefined) {
      outcome = { sent: 0, ok: 0, refused: 0, latenciesMs: [], seatMs: 0 };
      this.outcomes.set(group, outcome);
    }
    return outcome;
  }

  /** Plans the requests of these clients, each when the one before is sent. */
  start(clients: Clients): void {
    for (let i = 0; i < clients.tenants; i++) this.#plan(clients, `${clients.group}-${i}`);
  }

  #plan(clients: Clients, tenant: string): void {
    const { perSecond, fromMs = 0, untilMs = Infinity } = clients;
    const pauseMs = (-Math.log(1 - this.#random()) / perSecond) * 1_000;
    const atMs = Math.max(this.#clock.monoMs(), fromMs) + pauseMs;
    if (atMs >= untilMs) return;
    this.#clock.after(atMs - this.#clock.monoMs(), () => {
      this.#plan(clients, tenant);
      this.send(clients, tenant, clients.retries ?? 0);
    });
  }

  send(clients: Clients, tenant: string, retries: number): void {
    const outcome = this.outcome(clients.group);
    outcome.sent++;
    new Request(this, clients, { clock: this.#clock, source: this.#source, tenant, retries }).start(
      this.#serviceMs(clients.meanServiceMs),
    );
  }

  /** Log-normal, as times of Odoo are: most are short, some are ten times the mean. */
  #serviceMs(meanMs: number): number {
    const sigma = 0.8;
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
    return meanMs * Math.exp(sigma * normal - (sigma * sigma) / 2);
  }
}

class Request implements Waiter {
  readonly zone = 'zone';
  readonly tenant: string;
  readonly workClass: WorkClass;
  readonly route: string;
  readonly isReport = false;
  readonly #world: SimulatedClients;
  readonly #clients: Clients;
  readonly #clock: EventClock;
  readonly #source: SeatSource;
  readonly #retries: number;
  #serviceMs = 0;
  #sentMs = 0;
  #gone = false;
  #settled = false;

  constructor(
    world: SimulatedClients,
    clients: Clients,
    surroundings: { clock: EventClock; source: SeatSource; tenant: string; retries: number },
  ) {
    this.#world = world;
    this.#clients = clients;
    this.tenant = surroundings.tenant;
    this.workClass = clients.workClass;
    this.route = clients.group;
    this.#clock = surroundings.clock;
    this.#source = surroundings.source;
    this.#retries = surroundings.retries;
  }

  start(serviceMs: number): void {
    this.#serviceMs = serviceMs;
    this.#sentMs = this.#clock.monoMs();
    this.#clock.after(this.#clients.patienceMs, () => this.#giveUp());
    const taken = this.#source.take(this);
    if (taken.kind === 'seat') this.onSeat(taken);
    else if (taken.kind === 'refused') this.onRefused();
  }

  onSeat(seat: Pick<Seat, 'release'>): void {
    this.#world.seated++;
    this.#clock.after(this.#serviceMs, () => {
      this.#world.seated--;
      this.#world.usedMs += this.#serviceMs;
      this.#world.outcome(this.#clients.group).seatMs += this.#serviceMs;
      if (this.#gone) this.#world.wastedMs += this.#serviceMs;
      else {
        const latencyMs = this.#clock.monoMs() - this.#sentMs;
        const outcome = this.#world.outcome(this.#clients.group);
        outcome.ok++;
        outcome.latenciesMs.push(latencyMs);
        this.#settled = true;
        this.#world.onDone(this.#clients.group, latencyMs);
      }
      seat.release(this.#gone ? 'unwanted' : 'ok');
    });
  }

  onRefused(): void {
    this.#world.outcome(this.#clients.group).refused++;
    this.#end();
  }

  #giveUp(): void {
    if (this.#settled) return;
    this.#gone = true;
    this.#source.leave(this);
    this.#end();
  }

  #end(): void {
    if (this.#settled) return;
    this.#settled = true;
    if (this.#retries === 0) return;
    this.#clock.after(1_000, () => this.#world.send(this.#clients, this.tenant, this.#retries - 1));
  }
}

/** The value below which `part` of the values lie. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}
