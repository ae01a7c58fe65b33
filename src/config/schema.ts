import { z } from 'zod';
import { assumedCredentialSchema, identifySchema } from '../auth/options.ts';
import {
  addressRangeSchema,
  choiceSchema,
  countSchema,
  durationSchema,
  nameSchema,
  sizeSchema,
  textSchema,
  unreadable,
} from '../core/schema.ts';
import { parseDescription, parseInstant } from '../decide/described-request.ts';
import { maxRelease } from '../limits/leases/limit-versions.ts';
import { guardSchema, storeSchema } from '../limits/options.ts';
import { ownFiguresSchema, zoneLimitSchema } from '../limits/override-options.ts';
import { bruteForceSchema } from '../limits/penalties/penalty-options.ts';
import { odooAllowSchema } from '../odoo/allow-options.ts';
import { transactionsSchema } from './transaction-options.ts';
import { answersSchema } from './answer-options.ts';
import { canarySchema } from './canary-options.ts';
import { callRulesSchema } from '../odoo/call-options.ts';
import { workloadSchema } from '../odoo/workload.ts';
import { tenantRuleSchema, tenantsSchemaWith } from '../tenants/options.ts';
import { zoneRuleShape } from '../zones/options.ts';
import { canonicalIp } from '../core/ip.ts';
import { reasons } from '../core/reason.ts';
import { workClasses } from '../core/work-class.ts';

/** The files that are this gateway's own; the sections of the features stand beside the features. */

const listenError = unreadable(
  'an address to listen on',
  'Nobody could connect.',
  'Write host and port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080.',
);

const listenSchema = z
  .string({ error: listenError })
  .regex(/^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/, { error: listenError })
  .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535, { error: listenError })
  .transform((text) => {
    const colon = text.lastIndexOf(':');
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  });

const addressRangesSchema = z.array(addressRangeSchema);

const yesNo = (consequence: string) =>
  z.boolean({ error: unreadable('true or false', consequence, 'Write true or false.') });

const spoolSchema = z.strictObject({
  memory: sizeSchema
    .prefault('256KiB')
    .describe('What of one body or answer is kept in memory; the rest goes to a temporary file.'),
  file: sizeSchema
    .prefault('256MiB')
    .describe('Largest temporary file; an answer that needs more waits in Odoo for its client.'),
  total: sizeSchema
    .prefault('1GiB')
    .describe(
      'Largest size of all temporary files of a process together; a request body beyond it is refused.',
    ),
  directory: textSchema('a directory', 'Write a path such as /var/spool/bulkhead.')
    .optional()
    .describe(
      'Where the temporary files are made, on a disk; the directory for temporary files of the system by default.',
    ),
});

// The value is not quoted in the message: it is a secret, also where it is written out.
const adminTokenError = () =>
  'The admin token is not 16 to 512 visible ASCII characters without blanks.\nIt could be guessed, or not be sent in a header field.\nWrite ${file:/run/secrets/admin-token}, and put 32 random characters or more into that file.';

/** `gateway.yaml`. */
export const gatewaySchema = z.strictObject({
  listeners: z
    .strictObject({
      proxy: listenSchema
        .optional()
        .describe('Inline proxy: Traefik sends requests here, and they go on to Odoo.'),
      forwardAuth: listenSchema
        .optional()
        .describe('ForwardAuth: Traefik asks here whether a request may pass, and sends it to Odoo itself.'),
      admin: listenSchema.describe('Health, readiness, metrics and budgets. Keep it away from clients.'),
    })
    .describe('Where the gateway listens, each as host:port.'),
  trustedProxies: addressRangesSchema
    .default([])
    .describe(
      'Addresses of the proxies in front (Traefik), whose X-Forwarded fields are believed; nobody else is.',
    ),
  http: z
    .strictObject({
      maxHead: sizeSchema.prefault('32KiB').describe('Largest request head; more is refused with 431.'),
      maxFields: countSchema(10, 2000)
        .default(100)
        .describe('Most header fields in a request; more is refused with 431.'),
      maxTarget: sizeSchema.prefault('8KiB').describe('Longest request target; more is refused with 414.'),
      headTimeout: durationSchema.prefault('10s').describe('Longest time for a request head to arrive.'),
      bodyTimeout: durationSchema.prefault('30s').describe('Longest pause within a request body.'),
      writeTimeout: durationSchema
        .prefault('60s')
        .describe(
          'Longest time for which a client may take nothing of its answer, or either end of a WebSocket nothing of what waits for it, told in pieces of up to 64 KiB.',
        ),
      idleTimeout: durationSchema
        .prefault('120s')
        .describe('How long an idle connection stays open; longer than the idle time of the proxy in front.'),
      spool: spoolSchema
        .prefault({})
        .describe(
          'Where request bodies wait for a seat, and answers for slow clients, when they are too large for memory.',
        ),
    })
    .prefault({})
    .describe('Bounds of what a client may send, and how slowly.'),
  admin: z
    .strictObject({
      token: z
        .string({ error: adminTokenError })
        .regex(/^[!-~]{16,512}$/, { error: adminTokenError })
        .optional()
        .describe(
          'Secret that allows changes over the admin listener, such as resetting a budget; without it nobody may make any.',
        ),
    })
    .prefault({})
    .describe('Who may change something over the admin listener. Looking is free to whoever reaches it.'),
  version: countSchema(0, maxRelease)
    .optional()
    .describe(
      'Number of the release, written by the deployment tool: while instances differ, the limits of the highest one hold for all. Without it those hold that were loaded last.',
    ),
  workers: countSchema(1, 64)
    .default(1)
    .describe(
      'How many processes share the listeners, about one per processor core; more than one needs store.redis.',
    ),
  store: storeSchema
    .optional()
    .describe(
      'Where limits are counted for all instances; without it each instance counts for itself in memory.',
    ),
  bruteForce: bruteForceSchema
    .prefault({})
    .describe('How failed logins, tokens and keys are answered, in every zone that does not switch it off.'),
  telemetry: z
    .strictObject({
      accessLog: yesNo('It would be unknown whether requests are logged.')
        .default(true)
        .describe('Whether each request is written to the log with its decision.'),
      level: choiceSchema(['debug', 'info', 'warn', 'error'], 'It would be unknown what is logged.')
        .default('info')
        .describe('Least severe level that is logged.'),
      tenantLabels: countSchema(0, 10_000)
        .default(100)
        .describe('Most tenants that metrics tell apart; the others are counted as other.'),
    })
    .prefault({})
    .describe('What the gateway tells about itself.'),
  staticCache: sizeSchema
    .optional()
    .describe(
      'Memory for static files and asset bundles of Odoo, which then take no worker; without it none are kept.',
    ),
  transactions: transactionsSchema,
  drain: z
    .strictObject({
      delay: durationSchema
        .prefault('0s')
        .describe(
          'How long the gateway still takes connections after SIGTERM while it says that it is not ready.',
        ),
      timeout: durationSchema
        .prefault('30s')
        .describe('How long requests in progress may take to end after that.'),
    })
    .prefault({})
    .describe('How the gateway stops.'),
});

export type GatewayOptions = z.output<typeof gatewaySchema>;

const passError = unreadable(
  'a header name',
  'It would match no header field.',
  'Write a lower-case name such as stripe-signature, or a family such as x-hub-*.',
);

const poolName = nameSchema;
const poolsOfZone = {
  interactive: poolName.optional().describe('Pool for interactive requests.'),
  batch: poolName.optional().describe('Pool for batch requests.'),
  websocket: poolName.optional().describe('Pool for WebSocket tunnels.'),
  static: poolName.optional().describe('Pool for static files; the interactive pool by default.'),
};

const requestError = unreadable(
  'a request',
  'The test could not be run.',
  'Write a method and an absolute URL, such as GET https://acme.partner.erp.example/json/2/res.partner/read.',
);

const fromError = unreadable(
  'an IP address',
  'The test could not be run.',
  'Write an address such as 10.20.0.7.',
);

const instantError = unreadable(
  'a date and time with its distance from UTC',
  'The test could not be run.',
  'Write an instant such as 2026-12-24T17:00+01:00 or 2026-12-24T16:00Z.',
);

const bodyError = unreadable(
  'a body',
  'The test could not be run.',
  'Write a text, or a mapping or a list that is sent as JSON.',
);

const reasonError = unreadable(
  'a reason code',
  'The test could never pass.',
  'Write a code of docs/reasons.md.',
);

const reasonWords = Object.keys(reasons) as [string, ...string[]];

/** One policy test in a zone file. */
export const policyTestSchema = z.strictObject({
  name: textSchema('a name', 'Write a sentence that says what the test shows.').describe(
    'What the test shows.',
  ),
  request: z
    .string({ error: requestError })
    .refine((text) => parseDescription(text) !== undefined, { error: requestError })
    .describe('Method and absolute URL.'),
  headers: z.record(z.string(), z.string()).default({}).describe('Header fields of the request.'),
  body: z
    .union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())], { error: bodyError })
    .optional()
    .describe('Body of the request: a text as it stands, anything else as JSON.'),
  from: z
    .string({ error: fromError })
    .refine((text) => canonicalIp(text) !== undefined, { error: fromError })
    .default('192.0.2.1')
    .describe('Address of the client.'),
  as: assumedCredentialSchema.optional().describe('Credential that the caller is taken to have.'),
  at: z
    .string({ error: instantError })
    .refine((text) => parseInstant(text) !== undefined, { error: instantError })
    .transform((text) => parseInstant(text))
    .optional()
    .describe('When the request comes, such as 2026-12-24T17:00+01:00; for limits with a schedule.'),
  repeat: countSchema(1, 10_000)
    .default(1)
    .describe('How many times the request is sent at one instant; the last answer is what is expected.'),
  expect: z
    .strictObject({
      allow: z.literal(true).optional().describe('The request passes.'),
      refuse: z.enum(reasonWords, { error: reasonError }).optional().describe('Reason of the refusal.'),
      zone: nameSchema.optional().describe('Zone that governs the request.'),
      tenant: nameSchema.optional().describe('Tenant whose request it is.'),
      workload: choiceSchema(['interactive', 'batch', 'websocket', 'static'], 'The test could never pass.')
        .optional()
        .describe('How the request loads Odoo.'),
      class: choiceSchema(workClasses, 'The test could never pass.')
        .optional()
        .describe('How urgent it is among those who wait for the pool.'),
      pool: nameSchema.optional().describe('Pool that serves it.'),
      limits: z
        .array(nameSchema)
        .optional()
        .describe('Names of the limits that it is charged to, in order of the file.'),
      figures: z
        .record(nameSchema, z.string())
        .optional()
        .describe(
          'Whose figures govern a limit, by its name: default, tier dedicated, tenant acme, principal edi-acme of keycloak; with an entry of a schedule as in "default, cut-off".',
        ),
    })
    .describe('The decision that is expected; only what is written is compared.'),
});

export type PolicyTest = z.output<typeof policyTestSchema>;

/** `zones/*.yaml`. */
export const zoneSchema = z.strictObject({
  zone: nameSchema.describe('Name of the zone.'),
  ...zoneRuleShape,
  address: z
    .strictObject({
      allow: addressRangesSchema.min(1).optional().describe('Only these clients may enter.'),
      deny: addressRangesSchema.min(1).optional().describe('These clients may not enter.'),
      guard: guardSchema
        .optional()
        .describe(
          'Budget per client address and gateway process that is spent before credentials are checked.',
        ),
    })
    .prefault({})
    .describe('Rules about the address of the client.'),
  bruteForce: yesNo('It would be unknown whether passwords may be guessed without end.')
    .default(true)
    .describe(
      'Whether failed logins, tokens and keys are counted here, and who fails too often is held back.',
    ),
  identify: identifySchema,
  tenant: tenantRuleSchema.optional().describe('How the tenant is found; without it the zone has none.'),
  allow: z
    .strictObject({
      odoo: odooAllowSchema.optional().describe('The only Odoo calls that pass; without it every call does.'),
    })
    .prefault({})
    .describe('What callers may do.'),
  maxBody: sizeSchema
    .optional()
    .describe('Largest request body here, at most what the pools take; without it each pool has its own.'),
  odoo: callRulesSchema.prefault({}).describe('How Odoo calls are read here, and what of Odoo stays closed.'),
  workload: workloadSchema.prefault({}).describe('Which requests are interactive and which are batch.'),
  limits: z.array(zoneLimitSchema).default([]).describe('Budgets; a request must have room in all of them.'),
  pools: z
    .strictObject({
      ...poolsOfZone,
      tiers: z
        .strictObject({
          shared: z.strictObject(poolsOfZone).optional().describe('Pools of tenants of tier shared.'),
          'semi-isolated': z
            .strictObject(poolsOfZone)
            .optional()
            .describe('Pools of tenants of tier semi-isolated.'),
          dedicated: z.strictObject(poolsOfZone).optional().describe('Pools of tenants of tier dedicated.'),
        })
        .prefault({})
        .describe('Pools that differ by the tier of the tenant.'),
      canary: canarySchema
        .optional()
        .describe('Pools of a new version that some of all sessions, callers and addresses try.'),
    })
    .describe('Which workers serve which requests.'),
  headers: z
    .strictObject({
      passAuthorization: yesNo('A token could reach Odoo that is not meant for it.')
        .default(false)
        .describe('Whether the Authorization field of the client goes on to Odoo.'),
      pass: z
        .array(z.string({ error: passError }).regex(/^[a-z][a-z0-9-]*\*?$/, { error: passError }))
        .default([])
        .describe(
          'Header fields that pass to Odoo beside the usual ones, such as stripe-signature or x-hub-*.',
        ),
    })
    .prefault({})
    .describe('What is passed on to Odoo.'),
  answers: answersSchema.prefault({}).describe("What clients see of Odoo's answers."),
  tests: z.array(policyTestSchema).default([]).describe('Policy tests that bulkhead test runs.'),
});

export type ZoneOptions = z.output<typeof zoneSchema>;

/** `tenants.yaml`, and each file of `tenants/`. */
export const tenantsSchema = tenantsSchemaWith(ownFiguresSchema);

export type TenantFileOptions = z.output<typeof tenantsSchema>;
