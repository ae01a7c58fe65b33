import type { Clock } from '../../core/clock.ts';
import type { CompiledLimit } from '../compile.ts';

/** The largest release that a version has room for. */
export const maxRelease = 2_000_000;

const epochS = Date.UTC(2020, 0, 1) / 1000;
const releasePlace = 2 ** 31;
const sincePlace = 2 ** 22;
const loadUnitS = 256;
const released = 2 ** 52;

/**
 * Says which of two figures of one limit are the newer ones, for budgets that several instances use: one whole number below
 * 2^53, higher where newer. A release that the configuration names decides before everything else. Then the second in
 * which the figures came into force: when this process first loaded them, or later when a schedule brought them. Instances
 * that a schedule moves at the same time differ in when they loaded it, to some four minutes.
 *
 * The second of loading is that of the process's start for what it meets first, and stays when a reload leaves the limit's
 * definition as it was. An object keeps its version: a request that waited over a reload makes nothing newer.
 */
export class LimitVersions {
  readonly #clock: Clock;
  readonly #startedS: number;
  readonly #loaded = new Map<string, { definition: string; atS: number }>();
  #ofLimit = new WeakMap<CompiledLimit, number>();
  #release: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedS = Math.floor(clock.wallMs() / 1000);
  }

  /** Puts what is loaded from here on under a release, or under none. */
  startRelease(release: number | undefined): void {
    if (release === this.#release) return;
    this.#release = release;
    this.#ofLimit = new WeakMap();
  }

  of(limit: CompiledLimit): number {
    let version = this.#ofLimit.get(limit);
    if (version === undefined) {
      version = composeVersion({
        release: this.#release,
        loadedS: this.#loadedSecond(limit),
        sinceS: Math.floor((limit.sinceMs ?? 0) / 1000),
      });
      this.#ofLimit.set(limit, version);
    }
    return version;
  }

  #loadedSecond(limit: CompiledLimit): number {
    const definition = limit.definition ?? figuresOf(limit);
    const known = this.#loaded.get(limit.id);
    if (known === undefined) {
      this.#loaded.set(limit.id, { definition, atS: this.#startedS });
      return this.#startedS;
    }
    if (known.definition !== definition) {
      known.definition = definition;
      known.atS = Math.max(known.atS + 1, Math.floor(this.#clock.wallMs() / 1000));
    }
    return known.atS;
  }
}

interface VersionParts {
  release: number | undefined;
  loadedS: number;
  sinceS: number;
}

function composeVersion({ release, loadedS, sinceS }: VersionParts): number {
  const inForceS = Math.max(0, Math.max(loadedS, sinceS) - epochS);
  if (release !== undefined) return released + release * releasePlace + inForceS;
  return inForceS * sincePlace + Math.floor(Math.max(0, loadedS - epochS) / loadUnitS);
}

function figuresOf(limit: CompiledLimit): string {
  if (limit.kind !== 'rate') return String(limit.burst);
  const { leakPerUs, unitsPerToken, burst } = limit.bucket;
  return `${leakPerUs}/${unitsPerToken}/${burst}`;
}
