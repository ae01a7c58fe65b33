import type { LeaseGrant, LeaseRequest } from '../../src/limits/leases/lease-call.ts';

/** What Redis stores for one bucket. */
export interface StoredBucket {
  debt: number;
  at: number;
  a: number;
  b: number;
  born: number;
  version: number;
  leak: number;
  units: number;
  burst: number;
  /** Microseconds, at the last call, since somebody named this version. */
  unheard: number;
  /** Server time in microseconds. */
  expiresAt: number;
}

/** Faults that the model check has to find. The script has none of these switches. */
export interface PortFaults {
  /** Debt may fall below the tokens in wallets. */
  noCap?: boolean;
  /** A holder is told that its tokens live one epoch longer. */
  longLife?: boolean;
  /** A state expires when its leases are void, whatever it owes. */
  earlyTtl?: boolean;
  /** A clock that went back is believed. */
  noClamp?: boolean;
  /** What is held is not counted again after a loss. */
  noRepresent?: boolean;
  /** A version that nobody names any more rules on. */
  stubbornVersion?: boolean;
  /** Debt that the caller saw is not believed after a loss. */
  noFloor?: boolean;
}

const epochUs = 1_000_000;
const forgetVersionUs = 60_000_000;

/**
 * `lease-script.ts` line by line in JavaScript, so that a model check can run it a million times; `script.test.ts` runs
 * both on equal operations. Stores under `key` in `buckets` and answers.
 */
export function runLease(
  buckets: Map<string, StoredBucket>,
  key: string,
  request: LeaseRequest,
  serverNowUs: number,
  faults: PortFaults = {},
): LeaseGrant {
  let { leakPerUs: leak, unitsPerToken: units, burst, version } = request;
  const { need, ask, want, share, spare, first, second, seen } = request;
  let now = serverNowUs;
  let state = buckets.get(key);
  if (state !== undefined && state.expiresAt <= serverNowUs) state = undefined;
  let debt = 0;
  let at = now;
  let a = 0;
  let b = 0;
  let unheard = 0;
  let born = (Math.floor(now / 1000) % 1_000_000_000) + 1;
  if (state !== undefined) {
    ({ debt, at, a, b, born } = state);
    unheard = version === state.version ? 0 : state.unheard + Math.max(0, now - at);
    if (version > state.version || (unheard > forgetVersionUs && faults.stubbornVersion !== true)) {
      unheard = 0;
      debt = convert(debt, state.units, units);
      if (burst < state.burst && debt > burst * units) debt = burst * units;
    } else ({ version, leak, units, burst } = state);
  }
  if (now < at) {
    if (faults.noClamp === true) at = now;
    else now = at;
  }

  const leased = () => (faults.noCap === true ? 0 : Math.min(a + b, burst) * units);
  const leakUntil = (to: number) => {
    debt = Math.max(debt - leak * (to - at), leased());
    at = to;
  };
  const advance = (to: number) => {
    let epoch = Math.floor(at / epochUs);
    const last = Math.floor(to / epochUs);
    for (let turns = 0; epoch < last && turns < 2; turns++) {
      epoch++;
      leakUntil(epoch * epochUs);
      b = a;
      a = 0;
    }
    leakUntil(to);
  };
  const settle = (epoch: number, tokens: number) => {
    const current = Math.floor(at / epochUs);
    let settled = 0;
    if (epoch === current) {
      settled = Math.min(tokens, a);
      a -= settled;
    } else if (epoch === current - 1) {
      settled = Math.min(tokens, b);
      b -= settled;
    }
    return settled;
  };

  const lost = seen.born > 0 && (request.suspect || seen.born !== born);
  if (lost) {
    advance(now);
    let floor = convert(seen.debt, seen.units, units);
    if (now > seen.atUs) floor -= leak * (now - seen.atUs);
    if (faults.noFloor !== true) debt = Math.max(debt, floor);
    if (faults.noRepresent !== true) a += request.held;
  } else {
    advance(Math.max(at, now - request.ageUs));
    settle(first.epoch, first.used);
    settle(second.epoch, second.used);
    advance(now);
    debt -= settle(first.epoch, first.returned) * units;
    debt -= settle(second.epoch, second.returned) * units;
  }
  debt = Math.max(debt + request.owe * units, leased());
  debt = Math.min(debt, Number.MAX_SAFE_INTEGER);

  const free = burst * units - debt;
  const room = Math.floor(free / units) - spare;
  let granted = 0;
  let retryUs = 0;
  if (need > 0) {
    if (room >= need) {
      granted = Math.min(want, Math.max(need, Math.min(ask, room), Math.floor(room / share)));
      debt += granted * units;
      a += granted;
    } else retryUs = Math.ceil(((need + spare) * units - free) / leak);
  }
  if (request.write) {
    const leasesMs = (2 * epochUs) / 1000 + 1000;
    const debtMs = faults.earlyTtl === true ? 0 : Math.ceil(debt / leak / 1000);
    const ttlMs = Math.ceil((at - serverNowUs) / 1000) + debtMs + leasesMs;
    buckets.set(key, {
      debt,
      at,
      a,
      b,
      born,
      version,
      leak,
      units,
      burst,
      unheard,
      expiresAt: serverNowUs + ttlMs * 1000,
    });
  }
  const epoch = Math.floor(at / epochUs);
  return {
    granted,
    epoch,
    lifeUs: (epoch + (faults.longLife === true ? 3 : 2)) * epochUs - at,
    retryUs,
    debt,
    atUs: at,
    born,
    outstanding: a + b,
    repaired: lost,
    leakPerUs: leak,
    unitsPerToken: units,
    burst,
  };
}

function convert(debt: number, from: number, to: number): number {
  if (from === to) return debt;
  const tokens = Math.floor(debt / from);
  const rest = debt - tokens * from;
  return tokens * to + (rest > 0 ? Math.floor((rest * to) / from) + 1 : 0);
}
