import type { Clock } from '../core/clock.ts';
import type { CompiledIssuer } from './compile.ts';
import { fetchDocument, type FetchEnvironment } from './fetch-document.ts';
import { emptyKeySet, pickKey, readKeySet, type SigningKey } from './key-set.ts';
import type { Algorithm } from './options.ts';

/** An unknown `kid` makes the keys be fetched again at most this often, however many unknown ones come. */
export const refreshFloorMs = 30_000;
/** How old keys become before they are fetched again without being asked for. */
export const refreshEveryMs = 600_000;
/** How long a provider that is down is left alone while there is no key at all. */
export const unavailableMs = 5_000;

export type KeyAbsence = 'token_key_unknown' | 'identity_provider_unavailable';

export interface KeySourceStatus {
  keys: number;
  /** Age of the keys; undefined before the first success. */
  ageMs: number | undefined;
  /** Message of the last attempt when it failed. */
  failure: string | undefined;
}

/**
 * The public keys of one issuer. Own code around jose rather than its `createRemoteJWKSet`, which drops keys after their
 * maximal age even while the provider is down, has no bound on the answer and no synchronous look-up.
 */
export interface KeySource {
  /** Synchronous for a known key. Never throws. */
  find(
    algorithm: Algorithm,
    kid: string | undefined,
  ): SigningKey | KeyAbsence | Promise<SigningKey | KeyAbsence>;
  /** Fetches the keys when there are none yet, so that the first request need not wait. Never throws. */
  warm(): Promise<void>;
  status(): KeySourceStatus;
  /** Stops timers and fetches; keys that are there stay usable for requests under way. */
  close(): void;
}

export interface KeySourceEnvironment extends FetchEnvironment {
  clock: Clock;
  /** Told after each attempt; for the log and a metric. */
  onRefresh?: (issuer: string, status: KeySourceStatus) => void;
}

export function openKeySource(issuer: CompiledIssuer, environment: KeySourceEnvironment): KeySource {
  const { clock, scheduler, onRefresh } = environment;
  const closing = new AbortController();
  let set = emptyKeySet;
  let loadedAtMs: number | undefined;
  let attemptedAtMs = -Infinity;
  let failure: string | undefined;
  let underWay: Promise<void> | undefined;
  let cancelRefresh: (() => void) | undefined;

  const status = (): KeySourceStatus => ({
    keys: set.keys.length,
    ageMs: loadedAtMs === undefined ? undefined : clock.monoMs() - loadedAtMs,
    failure,
  });

  async function load(): Promise<void> {
    try {
      const url = issuer.jwks ?? (await discoverJwks(issuer.issuer, environment, closing.signal));
      const document = await fetchDocument(url, environment, closing.signal);
      set = await readKeySet(document, issuer.algorithms, set);
      loadedAtMs = clock.monoMs();
      failure = undefined;
    } catch (error) {
      // The keys at hand stay: a provider that is down, or answers nonsense, must not lock everybody out.
      failure = error instanceof Error ? error.message : String(error);
    }
    attemptedAtMs = clock.monoMs();
    underWay = undefined;
    if (closing.signal.aborted) return;
    cancelRefresh?.();
    cancelRefresh = scheduler.after(failure === undefined ? refreshEveryMs : refreshFloorMs, () => {
      void refresh();
    });
    onRefresh?.(issuer.name, status());
  }

  /** One fetch at a time: whoever needs keys meanwhile waits for it. */
  function refresh(): Promise<void> {
    underWay ??= load();
    return underWay;
  }

  function find(algorithm: Algorithm, kid: string | undefined) {
    const known = pickKey(set, algorithm, kid);
    if (known !== undefined) return known;
    const pauseMs = set.keys.length === 0 ? unavailableMs : refreshFloorMs;
    const pausing = underWay === undefined && clock.monoMs() - attemptedAtMs < pauseMs;
    return pausing || closing.signal.aborted ? absence() : findAfterRefresh(algorithm, kid);
  }

  async function findAfterRefresh(algorithm: Algorithm, kid: string | undefined) {
    await refresh();
    return pickKey(set, algorithm, kid) ?? absence();
  }

  function absence(): KeyAbsence {
    return set.keys.length === 0 ? 'identity_provider_unavailable' : 'token_key_unknown';
  }

  return {
    find,
    status,
    async warm() {
      if (set.keys.length === 0 && !closing.signal.aborted) await refresh();
    },
    close() {
      closing.abort(new Error('the key source is closed'));
      cancelRefresh?.();
    },
  };
}

/**
 * OpenID Connect Discovery 1.0 §4: the document must name exactly the issuer that was asked, else one provider could hand
 * out keys in the name of another.
 */
async function discoverJwks(
  issuer: string,
  environment: FetchEnvironment,
  closing: AbortSignal,
): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const found = (await fetchDocument(url, environment, closing)) as
    | { issuer?: unknown; jwks_uri?: unknown }
    | undefined;
  if (found?.issuer !== issuer) throw new Error(`${url}: the document is for another issuer`);
  const jwks = found.jwks_uri;
  if (typeof jwks !== 'string' || !/^https?:\/\//.test(jwks)) throw new Error(`${url}: jwks_uri is missing`);
  if (issuer.startsWith('https:') && !jwks.startsWith('https:'))
    throw new Error(`${url}: jwks_uri gives up https`);
  return jwks;
}
