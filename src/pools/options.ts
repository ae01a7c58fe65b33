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
import type { WorkClass } from '../core/work-class.ts';
import { endpointSchema } from './endpoint-options.ts';

const queueSchema = z.strictObject({
  max: countSchema(0, 100_000)
    .optional()
    .describe(
      'How many requests may wait for a seat, 16 for each seat and at least 64 by default; beyond, the newest of the least urgent class and longest queue is refused.',
    ),
  perTenant: countSchema(1, 100_000)
    .default(64)
    .describe('How many requests of one tenant and class may wait.'),
  deadline: durationSchema.optional().describe('Deadline of the classes that name none of their own.'),
});

const deadlineText =
  'How long after its coming a request is worth an answer: one whose turn would come too late for that is refused with pool_queue_timeout.';
const targetText =
  'A wait that a tenant may get used to. While no request of it waited less for four times as long, those that have waited twice as long are refused, and the newest are served first.';

const weightSchema = (weight: number) =>
  countSchema(1, 1_000)
    .default(weight)
    .describe('Its part of the seat time, in proportion to the weights of the others that wait.');

const criticalSchema = z.strictObject({
  weight: weightSchema(16),
  deadline: durationSchema.optional().describe(`${deadlineText} 8s by default.`),
  target: durationSchema.optional().describe(`${targetText} 500ms by default.`),
  reserve: countSchema(0, 100_000)
    .optional()
    .describe('Seats that no other class may hold. 0 by default: the next free one is its own anyway.'),
});

const interactiveSchema = z.strictObject({
  weight: weightSchema(8),
  deadline: durationSchema.optional().describe(`${deadlineText} 8s by default.`),
  target: durationSchema.optional().describe(`${targetText} 500ms by default.`),
  reserve: countSchema(0, 100_000)
    .optional()
    .describe(
      'Seats that batch work may not hold, those that are reserved for what is critical included; a quarter, at least one, by default.',
    ),
});

const batchSchema = z.strictObject({
  weight: weightSchema(1),
  deadline: durationSchema.optional().describe(`${deadlineText} 90s by default.`),
  target: durationSchema
    .optional()
    .describe(
      'The same for batch work: the oldest are refused, and what is left keeps its order. 10s by default.',
    ),
});

const classesSchema = z.strictObject({
  critical: criticalSchema
    .prefault({})
    .describe(
      'Logins and payment webhooks. Beyond a quarter of the seats they take only what nobody else waits for, because anybody may send them.',
    ),
  interactive: interactiveSchema.prefault({}).describe('What a person waits for.'),
  batch: batchSchema.prefault({}).describe('Everything else.'),
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
  affinity: choiceSchema(['none', 'session'], 'It would be unclear which endpoint a request goes to.')
    .default('none')
    .describe(
      'Whether requests of one session, or else of one caller or address, go to the same endpoint as long as it has a free seat.',
    ),
  slowStart: durationSchema
    .prefault('10s')
    .describe(
      'How long an endpoint that is new or back takes to get from one seat to all, while another one serves at full strength; 0s for no time.',
    ),
  queue: queueSchema
    .prefault({})
    .describe('Where requests wait while the seats that they may have are taken.'),
  classes: classesSchema
    .prefault({})
    .describe('How the seats are divided between classes of requests; within a class tenants share alike.'),
  timeout: durationSchema
    .prefault('130s')
    .describe(
      "Longest wait for the head of the answer, longest pause within it, and time for all of it once its client has gone; Odoo's limit_time_real plus 10s.",
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
  shared: z
    .boolean({
      error: unreadable(
        'true or false',
        'Several gateways could send more to Odoo than it has workers.',
        'Write true where several gateways serve this pool, each with a part of its seats.',
      ),
    })
    .default(false)
    .describe(
      'Whether several gateways serve this pool: each takes its part of the seats and of the queue, anew when one comes or goes. Needs store.redis.',
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
  /** Names whose addresses are endpoints as well; none by default. */
  names?: readonly EndpointName[];
  /** How long an endpoint that is new or back takes to get all its seats; not at all by default. */
  slowStartMs?: number;
  /** Whether requests of one session go to the same endpoint where they can; they do not by default. */
  affinity?: 'session';
  keepAlive: boolean;
  queue: { max: number; perTenant: number };
  classes: Readonly<Record<WorkClass, ClassOptions>>;
  /** Classes that zones send here; for others nothing is reserved. */
  serves: readonly WorkClass[];
  /** Longest wait for the head of the answer, and longest pause within it. */
  timeoutMs: number;
  connectTimeoutMs: number;
  maxBodyBytes: number;
  /** Whether bodies are read completely before a seat is taken, or passed on as they come. */
  requestBody: 'collect' | 'stream';
  /** Whether the seats are those of all gateways together (`shareAmongGateways`). */
  shared: boolean;
  /** Undefined: endpoints are never taken out of service. */
  health: HealthOptions | undefined;
}

export interface ClassOptions {
  weight: number;
  deadlineMs: number;
  targetMs: number;
  /** Seats that less urgent classes may not hold; undefined: by the number of seats (`classCaps`). */
  reserve: number | undefined;
}

export interface EndpointOptions {
  /** Origin in canonical form, `http://host:port`; unique in its pool. */
  url: string;
  seats: number;
  /** How much more than others it is given for each of its seats; 1 by default. */
  weight?: number;
}

/** A name in the DNS whose addresses are endpoints. */
export interface EndpointName {
  host: string;
  port: number;
  /** Of each address, of all workers together. */
  seats: number;
  weight?: number;
  refreshMs: number;
  /** Whose part of the seats this is; all of them by default. */
  part?: { index: number; of: number };
  /** Places in the queue for each seat; only where the configuration does not say how many may wait. */
  queuePerSeat?: number;
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
