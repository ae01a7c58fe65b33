import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { vi } from 'vitest';
import { generateSigningKey } from '../servers/jwks-server.ts';

// The package has no types, so the compiler must not look it up.
const packageName: string = 'oidc-provider';

export interface RealProvider {
  issuer: string;
  /** An access token of the client credentials grant, for the given scope. */
  requestToken(scope: string): Promise<string>;
  stop(): Promise<void>;
}

const secret = 'secret-of-the-test-client-0123456789';

/** An `oidc-provider` with one machine, `edi-acme` of tenant acme, whose access tokens are JSON Web Tokens for `bulkhead`. */
export async function startRealProvider(): Promise<RealProvider> {
  // It warns about settings that only matter in production.
  const quiet = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'info')];
  for (const spy of quiet) spy.mockImplementation(() => {});
  const { Provider } = (await import(packageName)) as {
    Provider: new (
      issuer: string,
      configuration: object,
    ) => { callback(): Parameters<typeof createServer>[1] };
  };
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateJwk } = await generateSigningKey('RS256', 'provider-key');
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...privateJwk, kid: 'provider-key', use: 'sig', alg: 'RS256' }] },
    clients: [
      {
        client_id: 'edi-acme',
        client_secret: secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'edi.read edi.write',
          audience: 'bulkhead',
          accessTokenTTL: 600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: () => ({ tenant: 'acme' }),
  });
  server.on('request', provider.callback() ?? (() => {}));
  return {
    issuer,
    async requestToken(scope) {
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`edi-acme:${secret}`).toString('base64')}` },
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          resource: 'https://erp.example/api',
          scope,
        }),
      });
      const { access_token: token } = (await response.json()) as { access_token: string };
      return token;
    },
    stop: () =>
      new Promise((resolve) => {
        for (const spy of quiet) spy.mockRestore();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
