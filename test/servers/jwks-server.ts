import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';

/** An HTTP server that publishes keys, counts who asks, and can misbehave. */
export interface JwksServer {
  url: string;
  /** What `/jwks` answers with. */
  publish(keys: readonly JWK[]): void;
  /** Answers every request by this function from now on; undefined returns to normal. */
  misbehave(answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined): void;
  /** How many requests came so far. */
  requests(): number;
  /** Resolves when the next request has come in. */
  nextRequest(): Promise<void>;
  /** Stops listening; `reopen` listens on the same port again. */
  stop(): Promise<void>;
  reopen(): Promise<void>;
}

export async function startJwksServer(): Promise<JwksServer> {
  let keys: readonly JWK[] = [];
  let requests = 0;
  let answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  let waiting: (() => void)[] = [];
  let url = '';
  const server = createServer((request, response) => {
    requests++;
    for (const resolve of waiting) resolve();
    waiting = [];
    if (answer !== undefined) {
      answer(request, response);
      return;
    }
    if (request.url === '/.well-known/openid-configuration') {
      sendJson(response, { issuer: url, jwks_uri: `${url}/jwks` });
      return;
    }
    sendJson(response, { keys });
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;
  return {
    url,
    publish(published) {
      keys = published;
    },
    misbehave(by) {
      answer = by;
    },
    requests: () => requests,
    nextRequest: () => new Promise((resolve) => waiting.push(resolve)),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    reopen: () => listen(port),
  };
}

export function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

/** A key pair whose public half is ready to be published under `kid`. */
export async function generateSigningKey(
  alg: string,
  kid: string,
): Promise<{ privateKey: CryptoKey; publicJwk: JWK; privateJwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { privateKey, publicJwk, privateJwk: await exportJWK(privateKey) };
}
