import { type CryptoKey, type JWK, type JWTPayload, SignJWT } from 'jose';
import { generateSigningKey, type JwksServer, startJwksServer } from '../servers/jwks-server.ts';

export interface TokenWish {
  /** Claims beside iss, aud, iat and exp, which can be replaced; `undefined` leaves one out. */
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Signs with this key instead of the published one. */
  key?: CryptoKey | Uint8Array;
}

/** An issuer whose tokens may be wrong in every way; its keys are published by `server`. */
export interface TokenIssuer {
  url: string;
  server: JwksServer;
  sign(wish?: TokenWish): Promise<string>;
  /** Signs with a new key from now on, and publishes that alone. */
  rotate(kid: string): Promise<void>;
  /** The public key as it is published. */
  publicJwk(): JWK;
}

export async function startTokenIssuer(): Promise<TokenIssuer> {
  const server = await startJwksServer();
  let kid = 'first';
  let key = await generateSigningKey('RS256', kid);
  server.publish([key.publicJwk]);
  return {
    url: server.url,
    server,
    publicJwk: () => key.publicJwk,
    async rotate(next) {
      kid = next;
      key = await generateSigningKey('RS256', kid);
      server.publish([key.publicJwk]);
    },
    sign({ claims = {}, header = {}, key: own } = {}) {
      const nowS = Math.floor(Date.now() / 1000);
      const payload: JWTPayload = { iss: server.url, aud: 'bulkhead', iat: nowS, exp: nowS + 600, ...claims };
      return new SignJWT(payload)
        .setProtectedHeader({ alg: 'RS256', kid, typ: 'at+jwt', ...header })
        .sign(own ?? key.privateKey);
    },
  };
}

/** A token without a signature, RFC 7519 §6: what no verifier may take. */
export function unsignedToken(claims: Record<string, unknown>): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`;
}
