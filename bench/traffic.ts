import { createPublicKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { generateSigningKey, startJwksServer } from '../test/servers/jwks-server.ts';

/** A request as the generator sends it. */
export interface BenchRequest {
  method: 'GET' | 'POST';
  target: string;
  headers: Record<string, string>;
  body?: string;
}

export interface IdentityProvider {
  issuer: string;
  /** A token of about 560 bytes, as an identity provider issues them. */
  token: string;
  /** The key that proves the token, for a peer that reads no JWKS. */
  publicKeyPem: string;
  close(): Promise<void>;
}

/** Publishes one RS256 key and signs one token with it. */
export async function startIdentityProvider(): Promise<IdentityProvider> {
  const server = await startJwksServer();
  const key = await generateSigningKey('RS256', 'bench-1');
  server.publish([key.publicJwk]);
  const token = await new SignJWT({ scope: 'edi.write', tenant: 'acme' })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench-1', typ: 'at+jwt' })
    .setIssuer(server.url)
    .setSubject('edi-acme')
    .setAudience('bulkhead')
    .setIssuedAt()
    .setExpirationTime('2h')
    .sign(key.privateKey);
  const publicKey = createPublicKey({ key: key.publicJwk, format: 'jwk' });
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' });
  return { issuer: server.url, token, publicKeyPem, close: server.stop };
}

export const allowedTarget = '/json/2/stock.picking/search_read';

export const scenarioNames = ['get', 'post', 'one-shot'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

/**
 * What is sent in each scenario. `get` is the cheapest request that can be proxied, so the policy weighs most in it. `post`
 * is an Odoo JSON-2 call as partners make them. `one-shot` is the same call to an upstream that closes every connection.
 */
export function scenarioRequest(name: ScenarioName, token: string): BenchRequest {
  const headers = {
    Host: 'acme.partner.erp.example',
    'User-Agent': 'carrier-edi/4.2 (+https://carrier.example)',
    Accept: 'application/json',
    'Accept-Encoding': 'gzip, deflate',
    Authorization: `Bearer ${token}`,
  };
  if (name === 'get') return { method: 'GET', target: `${allowedTarget}?limit=2`, headers };
  const body = '{"domain":[["state","in",["assigned","waiting"]]],"fields":["name","state"],"limit":2}';
  const target = name === 'post' ? allowedTarget : '/json/2/sale.order/search_read';
  return { method: 'POST', target, headers: { ...headers, 'Content-Type': 'application/json' }, body };
}

/** Requests that the gateway refuses, by the status that they get. */
export function refusedRequests(token: string): Record<'401' | '403' | '429', BenchRequest> {
  const { method, target, headers } = scenarioRequest('get', token);
  const { Authorization: _, ...anonymous } = headers;
  return {
    '401': { method, target, headers: anonymous },
    '403': { method, target: '/json/2/res.users/search_read?limit=2', headers },
    '429': { method, target, headers: { ...headers, Host: 'acme.narrow.erp.example' } },
  };
}
