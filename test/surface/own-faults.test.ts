import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { systemScheduler } from '../../src/core/scheduler.ts';
import { type Effects, liveEffects } from '../../src/decide/effects.ts';
import { createForwardAuth } from '../../src/forward-auth/forward-auth.ts';
import { createHttpServer, type HttpServer, type HttpServerHandlers } from '../../src/http1/server.ts';
import { SpoolBudget } from '../../src/http1/spool-file.ts';
import { createUpstreamClient } from '../../src/http1/upstream.ts';
import { MemoryStore } from '../../src/limits/memory-store.ts';
import { probeEndpoint } from '../../src/pools/probe.ts';
import { PoolRegistry } from '../../src/pools/registry.ts';
import { createInlineProxy } from '../../src/proxy/inline-proxy.ts';
import type { Finished } from '../../src/telemetry/observer.ts';
import { compileFiles } from '../support/compile-files.ts';
import { sendRequest } from '../support/raw-http.ts';

const { snapshot } = compileFiles({
  'gateway.yaml': 'listeners: { admin: 127.0.0.1:0 }\ntrustedProxies: [127.0.0.1]\n',
  'pools.yaml':
    'pools: [{ name: odoo, endpoints: [{ url: "http://127.0.0.1:1", seats: 1 }], health: false }]\n',
  'zones/office.yaml': `zone: office
match: Host(\`erp.example\`)
identify: none
limits: [{ name: all, key: zone, rate: 5/s }]
pools: { interactive: odoo }
`,
});

const servers: HttpServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.destroy();
});

/** A surface whose decision fails as `charge` says, and what it reports. */
async function faulty(surface: 'proxy' | 'forward-auth', charge: Effects['charge']) {
  const faults: unknown[] = [];
  const finished: Finished[] = [];
  const limits = new MemoryStore({ clock: systemClock });
  const verifiers = {
    token: () => ({ reason: 'credentials_missing' as const }),
    certificate: () => ({ reason: 'credentials_missing' as const }),
  };
  const effects = { ...liveEffects({ clock: systemClock, verifiers, limits, guard: limits }), charge };
  const context = {
    live: () => ({ snapshot, effects }),
    clock: systemClock,
    listener: 'proxy',
    observer: {
      finished: (request: Finished) => void finished.push(request),
      tunnelEnded: () => {},
      malformed: () => {},
      fault: (error: unknown) => void faults.push(error),
    },
  };
  const pools = new PoolRegistry({
    clock: systemClock,
    scheduler: systemScheduler,
    probe: probeEndpoint,
    onChange: () => {},
    resolve: () => Promise.resolve([]),
    onLookedUp: () => {},
    onAddresses: () => {},
  });
  const handlers: HttpServerHandlers =
    surface === 'proxy'
      ? createInlineProxy({ ...context, pools, upstream: createUpstreamClient(), staticCache: undefined })
      : createForwardAuth(context);
  const server = createHttpServer(
    {
      maxFields: 100,
      maxTargetBytes: 8192,
      maxHeadBytes: 16_384,
      headTimeoutMs: 5000,
      idleTimeoutMs: 5000,
      bodyIdleMs: 5000,
      writeStallMs: 5000,
      spool: { memoryBytes: 65_536, maxFileBytes: 0, directory: tmpdir(), budget: new SpoolBudget(0) },
    },
    handlers,
  );
  servers.push(server);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { port, faults, finished };
}

const forwarded = {
  'X-Forwarded-Method': 'GET',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'erp.example',
  'X-Forwarded-Uri': '/odoo',
  'X-Forwarded-For': '10.1.2.3',
};

describe.each(['proxy', 'forward-auth'] as const)(
  'a fault of the gateway itself, on the surface %s,',
  (surface) => {
    it.each([
      [
        'at once',
        () => {
          throw new Error('secret detail');
        },
      ],
      ['later', () => Promise.reject(new Error('secret detail'))],
    ] satisfies [string, Effects['charge']][])(
      'ends one request and not the process when it comes %s',
      async (_, charge) => {
        const { port, faults, finished } = await faulty(surface, charge);
        const headers = { Host: 'erp.example', ...(surface === 'proxy' ? {} : forwarded) };
        for (let i = 0; i < 2; i++) {
          const answer = await sendRequest(port, { target: '/odoo', headers });
          expect(answer.status).toBe(500);
          expect(JSON.parse(answer.body)).toMatchObject({
            reason: 'internal_error',
            title: 'The gateway failed',
          });
          expect(answer.text).not.toContain('secret detail');
        }
        expect(faults.map(String)).toEqual(['Error: secret detail', 'Error: secret detail']);
        expect(finished.map(({ status, failure }) => ({ status, failure }))).toEqual([
          { status: 500, failure: 'internal_error' },
          { status: 500, failure: 'internal_error' },
        ]);
      },
    );
  },
);
