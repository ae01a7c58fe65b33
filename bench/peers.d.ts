// The two peers bring no types; only what the benchmark uses is told here.

declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  interface AutocannonOptions {
    url: string;
    method: 'GET' | 'POST';
    headers: Record<string, string>;
    body?: string;
    connections: number;
    pipelining: number;
    /** Seconds. */
    duration: number;
    sampleInt?: number;
  }

  interface AutocannonResult {
    errors: number;
    timeouts: number;
    /** Measured time in seconds. */
    duration: number;
    requests: { total: number };
    statusCodeStats: Record<string, { count: number }>;
  }

  interface AutocannonRun extends EventEmitter {
    on(
      event: 'response',
      listener: (client: unknown, status: number, bytes: number, durationMs: number) => void,
    ): this;
  }

  function autocannon(
    options: AutocannonOptions,
    onDone: (error: Error | null, result: AutocannonResult) => void,
  ): AutocannonRun;
  export default autocannon;
}

declare module 'http-proxy' {
  import type { Agent, IncomingMessage, ServerResponse } from 'node:http';

  interface ProxyServer {
    web(request: IncomingMessage, response: ServerResponse): void;
    on(
      event: 'error',
      listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void,
    ): this;
  }

  function createProxyServer(options: { target: string; agent?: Agent }): ProxyServer;
  const httpProxy: { createProxyServer: typeof createProxyServer };
  export default httpProxy;
}
