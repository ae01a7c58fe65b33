import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { systemClock } from '../core/clock.ts';

/** A machine that may ask for tokens, and what its tokens say. */
export interface DemoClient {
  id: string;
  secret: string;
  claims: Readonly<Record<string, string>>;
}

export interface OpenIdProvider {
  issuer: string;
  /** A token as the token endpoint issues it. */
  tokenFor(clientId: string): Promise<string>;
  close(): Promise<void>;
}

const keyId = 'demo-1';
const maxBodyBytes = 4096;

/**
 * A small OpenID provider for the demo: discovery, keys, and tokens for the client credentials grant (RFC 6749 §4.4). Its
 * key lives as long as the process.
 */
export async function startOpenIdProvider(options: {
  host: string;
  port: number;
  audience: string;
  clients: readonly DemoClient[];
}): Promise<OpenIdProvider> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const keys = JSON.stringify({
    keys: [{ ...(await exportJWK(publicKey)), kid: keyId, alg: 'RS256', use: 'sig' }],
  });
  let issuer = '';

  const issue = ({ id, claims }: DemoClient): Promise<string> => {
    const nowS = Math.floor(systemClock.wallMs() / 1000);
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: keyId, typ: 'at+jwt' })
      .setIssuer(issuer)
      .setSubject(id)
      .setAudience(options.audience)
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + 3600)
      .sign(privateKey);
  };

  const answerToken = async (request: IncomingMessage): Promise<{ status: number; body: string }> => {
    const form = new URLSearchParams(await readBody(request));
    if (form.get('grant_type') !== 'client_credentials')
      return { status: 400, body: '{"error":"unsupported_grant_type"}' };
    const client = options.clients.find(
      ({ id, secret }) => id === form.get('client_id') && secret === form.get('client_secret'),
    );
    if (client === undefined) return { status: 401, body: '{"error":"invalid_client"}' };
    const token = { access_token: await issue(client), token_type: 'Bearer', expires_in: 3600 };
    return { status: 200, body: JSON.stringify(token) };
  };

  const answer = async (request: IncomingMessage): Promise<{ status: number; body: string }> => {
    switch (`${request.method} ${request.url}`) {
      case 'GET /.well-known/openid-configuration':
        return {
          status: 200,
          body: JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks`, token_endpoint: `${issuer}/token` }),
        };
      case 'GET /jwks':
        return { status: 200, body: keys };
      case 'POST /token':
        return answerToken(request);
      default:
        return { status: 404, body: '{"error":"not_found"}' };
    }
  };

  const server = createServer((request, response) => {
    answer(request).then(
      ({ status, body }) => response.writeHead(status, { 'content-type': 'application/json' }).end(body),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host, resolve);
  });
  issuer = `http://${options.host}:${(server.address() as AddressInfo).port}`;

  return {
    issuer,
    async tokenFor(clientId) {
      const client = options.clients.find(({ id }) => id === clientId);
      if (client === undefined) throw new TypeError(`"clientId" names no client: ${clientId}`);
      return issue(client);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > maxBodyBytes) throw new Error('the form is too large');
  }
  return body;
}
