import { importJWK, type CryptoKey, type JWK } from 'jose';
import type { Algorithm } from './options.ts';

/** A public key bound to one algorithm: a key never verifies under another algorithm than the one it was imported for. */
export interface SigningKey {
  algorithm: Algorithm;
  kid: string | undefined;
  key: CryptoKey;
  /** Set when the issuer no longer publishes the key: what was verified with it counts no more. */
  withdrawn: boolean;
  /** Equal for equal key material, name and algorithm. */
  identity: string;
}

/** The usable keys of one issuer at one moment. */
export interface KeySet {
  keys: readonly SigningKey[];
  byKid: ReadonlyMap<string, readonly SigningKey[]>;
}

export const emptyKeySet: KeySet = { keys: [], byKid: new Map() };

const maxKeys = 100;

// Only these members are imported: never a private part, never a symmetric key (`oct` has no row, so it fits nothing).
const fitting: Record<Algorithm, { kty: string; crv?: string; members: readonly (keyof JWK)[] }> = {
  RS256: { kty: 'RSA', members: ['n', 'e'] },
  RS384: { kty: 'RSA', members: ['n', 'e'] },
  RS512: { kty: 'RSA', members: ['n', 'e'] },
  PS256: { kty: 'RSA', members: ['n', 'e'] },
  PS384: { kty: 'RSA', members: ['n', 'e'] },
  PS512: { kty: 'RSA', members: ['n', 'e'] },
  ES256: { kty: 'EC', crv: 'P-256', members: ['crv', 'x', 'y'] },
  ES384: { kty: 'EC', crv: 'P-384', members: ['crv', 'x', 'y'] },
  ES512: { kty: 'EC', crv: 'P-521', members: ['crv', 'x', 'y'] },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', members: ['crv', 'x'] },
};

/**
 * Imports the keys of a JWK set (RFC 7517) that may verify signatures under one of `algorithms`; others are left out. Keys
 * that `previous` holds already are the same objects again; those that it held and the set no longer has become withdrawn.
 * Throws when the document is no key set or has no usable key: then `previous` stays as it is.
 */
export async function readKeySet(
  document: unknown,
  algorithms: readonly Algorithm[],
  previous: KeySet,
): Promise<KeySet> {
  const published = isRecord(document) ? document['keys'] : undefined;
  if (!Array.isArray(published)) throw new Error('the answer is not a JWK set');
  if (published.length > maxKeys) throw new Error(`the JWK set has more than ${maxKeys} keys`);
  const known = new Map(previous.keys.map((key) => [key.identity, key]));
  const current = new Map<string, SigningKey>();
  for (const jwk of published.filter(isRecord)) {
    for (const algorithm of algorithms.filter((candidate) => mayVerify(jwk, candidate))) {
      const identity = JSON.stringify([algorithm, jwk['kid'], ...publicMembers(jwk, algorithm)]);
      const key = known.get(identity) ?? (await importKey(jwk, algorithm, identity));
      if (key !== undefined) current.set(identity, key);
    }
  }
  if (current.size === 0) throw new Error('the JWK set has no key for the configured algorithms');
  for (const [identity, key] of known) key.withdrawn = !current.has(identity);
  const keys = [...current.values()];
  const byKid = Map.groupBy(
    keys.filter((key) => key.kid !== undefined),
    (key) => key.kid ?? '',
  );
  return { keys, byKid };
}

/**
 * The key for a token header. A `kid` is a look-up in a Map, so `__proto__` or `../../key` is a name like any other. Without
 * `kid` the key must be the only one of its algorithm.
 */
export function pickKey(set: KeySet, algorithm: Algorithm, kid: string | undefined): SigningKey | undefined {
  const named = kid === undefined ? set.keys : (set.byKid.get(kid) ?? []);
  const fits = named.filter((key) => key.algorithm === algorithm);
  return fits.length === 1 ? fits[0] : undefined;
}

/** RFC 7517 §4.2 to §4.4: what a key says about its use binds. */
function mayVerify(jwk: Record<string, unknown>, algorithm: Algorithm): boolean {
  const { kty, crv } = fitting[algorithm];
  const operations = jwk['key_ops'];
  return (
    jwk['kty'] === kty &&
    (crv === undefined || jwk['crv'] === crv) &&
    (jwk['use'] === undefined || jwk['use'] === 'sig') &&
    (jwk['alg'] === undefined || jwk['alg'] === algorithm) &&
    (jwk['kid'] === undefined || typeof jwk['kid'] === 'string') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify')))
  );
}

function publicMembers(jwk: Record<string, unknown>, algorithm: Algorithm): unknown[] {
  return fitting[algorithm].members.map((member) => jwk[member]);
}

/** Undefined when the key material is broken or an RSA key is shorter than the 2048 bits of RFC 7518 §3.3. */
async function importKey(
  jwk: Record<string, unknown>,
  algorithm: Algorithm,
  identity: string,
): Promise<SigningKey | undefined> {
  const { kty, members } = fitting[algorithm];
  const publicJwk: JWK = {
    kty,
    alg: algorithm,
    ...Object.fromEntries(members.map((member) => [member, jwk[member]])),
  };
  try {
    const key = await importJWK(publicJwk, algorithm);
    if (key instanceof Uint8Array) return undefined;
    const { modulusLength } = key.algorithm as { modulusLength?: number };
    if (modulusLength !== undefined && modulusLength < 2048) return undefined;
    const kid = typeof jwk['kid'] === 'string' ? jwk['kid'] : undefined;
    return { algorithm, kid, key, withdrawn: false, identity };
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
