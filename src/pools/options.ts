import { z } from 'zod';
import {
  choiceSchema,
  countSchema,
  durationSchema,
  nameSchema,
  sizeSchema,
  textSchema,
  unreadable,
} from '../core/schema.ts';

const endpointSchema = z.strictObject({
  url: textSchema(
    'an endpoint URL',
    'Write http:// with a host and a port, such as http://odoo-1:8069.',
  ).describe('Origin of one Odoo port, http://host:port, without a path.'),
  seats: countSchema(1, 100_000).describe(
    'How many requests it serves at once: the number of its prefork workers, or of tunnels for a websocket pool.',
  ),
});

const queueSchema = z.strictObject({
  max: countSchema(0, 100_000)
    .default(64)
    .describe('How many requests may wait for a seat; the next one is refused with pool_queue_full.'),
  deadline: durationSchema
    .prefault('5s')
    .describe('How long a request may wait for a seat before it is refused with pool_queue_timeout.'),
});

const healthSchema = z.strictObject({
  path: textSchema('a path', 'Write a path such as /web/health.')
    .optional()
    .describe('Path of the probe; /web/health by default, /websocket/health for a websocket pool.'),
  host: textSchema('a host name', 'Write a host name such as erp.example.')
    .optional()
    .describe('Host field of the probe; the host and port of the endpoint by default.'),
  interval: durationSchema
    .prefault('5s')
    .describe('Time between two looks at an endpoint; one that answered since the last look is not probed.'),
  timeout: durationSchema
    .prefault('2s')
    .describe(
      'Longest wait for the answer of a probe; a late answer means busy workers, not a dead endpoint.',
    ),
  unhealthyAfter: countSchema(1, 100)
    .default(3)
    .describe('How many failures in a row take an endpoint out of service.'),
  healthyAfter: countSchema(1, 100)
    .default(1)
    .describe('How many good probes in a row bring an endpoint back into service.'),
});

const unreadableHealth = unreadable(
  'a health check',
  'The gateway would not know when an endpoint is out of service.',
  'Write a mapping such as { path: /web/health, interval: 5s }, or false for no health check.',
);

/** Names the key inside `health` that does not read, which the union of mapping and `false` would hide. */
function explainHealth(issue: { input?: unknown; errors?: readonly (readonly NestedIssue[])[] }): string {
  const nested = issue.errors?.[1]?.find((candidate) => candidate.path.length > 0);
  return nested === undefined ? unreadableHealth(issue) : nested.message;
}

interface NestedIssue {
  path: readonly PropertyKey[];
  message: string;
}

const poolSchema = z.strictObject({
  name: nameSchema.describe('Name that zones refer to, and a metric label.'),
  endpoints: z
    .array(endpointSchema, {
      error: unreadable(
        'a list of endpoints',
        'The pool would have no worker.',
        'Write a list of { url, seats }.',
      ),
    })
    .min(1, {
      error: unreadable(
        'a list with at least one endpoint',
        'Every request to this pool would be refused.',
        'Add an endpoint such as { url: http://odoo-1:8069, seats: 6 }.',
      ),
    })
    .describe(
      'The Odoo ports of this pool; each request goes to the one with the smallest part of its seats taken.',
    ),
  kind: choiceSchema(['http', 'websocket'], 'The gateway would not know what a seat of this pool counts.')
    .default('http')
    .describe('What a seat counts: a request in progress, or an open WebSocket tunnel.'),
  keepAlive: z
    .boolean({
      error: unreadable(
        'true or false',
        'The gateway would not know whether connections may be used again.',
        'Write false for the prefork port of Odoo, which closes each connection, and true for others.',
      ),
    })
    .default(false)
    .describe(
      "Whether connections are used again; false for Odoo's prefork port, which answers HTTP/1.0 and closes.",
    ),
  queue: queueSchema
    .prefault({})
    .describe('Where requests wait, first come first served, while all seats are taken.'),
  timeout: durationSchema
    .prefault('130s')
    .describe(
      "Longest wait for the head of the answer, and longest pause within it; Odoo's limit_time_real plus 10s.",
    ),
  connectTimeout: durationSchema.prefault('2s').describe('Longest wait for a connection to an endpoint.'),
  maxBody: sizeSchema.prefault('10MiB').describe('Largest request body.'),
  requestBody: choiceSchema(
    ['collect', 'stream'],
    'The gateway would not know whether a slow client may hold a worker.',
  )
    .default('collect')
    .describe(
      'Whether a request body is read completely before a seat is taken, or passed on as it comes; stream is not for Odoo.',
    ),
  health: z
    .union([z.literal(false), healthSchema], { error: explainHealth })
    .prefault({})
    .describe('How an endpoint is found to be out of service; false to always use it.'),
});

/** `pools.yaml`. */
export const poolsSchema = z.strictObject({
  pools: z
    .array(poolSchema, {
      error: unreadable(
        'a list of pools',
        'No zone could forward a request.',
        'Write a list of { name, endpoints }.',
      ),
    })
    .min(1, {
      error: unreadable(
        'a list with at least one pool',
        'No zone could forward a request.',
        'Add a pool such as { name: odoo, endpoints: [{ url: http://odoo-1:8069, seats: 6 }] }.',
      ),
    })
    .describe('Sets of Odoo workers with a known number of seats.'),
});

/** `pools.yaml` as it was read, defaults filled in; not checked across keys yet. */
export type AuthoredPools = z.output<typeof poolsSchema>;
export type AuthoredPool = AuthoredPools['pools'][number];

/** A pool as it runs. Times in milliseconds, sizes in bytes. */
export interface PoolOptions {
  name: string;
  kind: 'http' | 'websocket';
  endpoints: readonly EndpointOptions[];
  keepAlive: boolean;
  queue: { max: number; deadlineMs: number };
  /** Longest wait for the head of the answer, and longest pause within it. */
  timeoutMs: number;
  connectTimeoutMs: number;
  maxBodyBytes: number;
  /** Whether bodies are read completely before a seat is taken, or passed on as they come. */
  requestBody: 'collect' | 'stream';
  /** Undefined: endpoints are never taken out of service. */
  health: HealthOptions | undefined;
}

export interface EndpointOptions {
  /** Origin in canonical form, `http://host:port`; unique in its pool. */
  url: string;
  seats: number;
}

export interface HealthOptions {
  path: string;
  /** Host field of the probe; undefined: the endpoint's own. */
  host: string | undefined;
  intervalMs: number;
  timeoutMs: number;
  unhealthyAfter: number;
  healthyAfter: number;
}
