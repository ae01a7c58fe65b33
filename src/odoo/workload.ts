import { z } from 'zod';
import type { Facts } from '../core/facts.ts';
import { fieldValue } from '../core/fields.ts';
import type { Locate } from '../core/issue.ts';
import { choiceSchema, unreadable } from '../core/schema.ts';
import type { Workload } from '../core/workload.ts';
import { findRoute } from './find-route.ts';
import { findCallEntry, methodPatternSchema, modelPatternSchema } from './method-pattern.ts';
import { shippedMethods, shippedRoutes } from './shipped-workload.ts';

const classSchema = choiceSchema(['interactive', 'batch'], 'The request would have no pool to go to.');
const pathError = unreadable(
  'a path',
  'It would match no request.',
  'Write a path that begins with /, such as /report/.',
);
const headerError = unreadable(
  'a header name',
  'It would match no request.',
  'Write a lower-case header name such as x-workload.',
);

/** `workload` of a zone: which of its requests are interactive and which are batch. */
export const workloadSchema = z.strictObject({
  default: classSchema.default('interactive').describe('Class of a request that no rule below names.'),
  routes: z
    .array(
      z.strictObject({
        pathPrefix: z
          .string({ error: pathError })
          .regex(/^\//, { error: pathError })
          .describe('Beginning of the path.'),
        class: classSchema.describe('Class of these requests.'),
      }),
    )
    .default([])
    .describe('Classes by path; the longest prefix counts.'),
  odoo: z
    .array(
      z.strictObject({
        model: modelPatternSchema.describe('Odoo model, or a family such as stock.*.'),
        methods: z.array(methodPatternSchema).min(1).describe('Methods of the model.'),
        class: classSchema.describe('Class of these calls.'),
      }),
    )
    .default([])
    .describe('Classes by Odoo model and method; the first entry that matches counts.'),
  header: z
    .string({ error: headerError })
    .regex(/^[a-z][a-z0-9-]*$/, { error: headerError })
    .optional()
    .describe(
      'Header by which a trusted proxy names the class. The proxy must set or remove it on every request: a client must not be able to choose.',
    ),
});

export type WorkloadOptions = z.output<typeof workloadSchema>;

interface RouteClass {
  pathPrefix: string;
  class: Workload;
  at: string;
}

interface MethodClass {
  model: string;
  methods: readonly string[];
  class: Workload;
  at: string;
}

export interface WorkloadRules {
  fallback: Workload;
  routes: readonly RouteClass[];
  methods: readonly MethodClass[];
  header: { name: string; at: string } | undefined;
  /** Where `fallback` is written. */
  at: string;
}

export function compileWorkload(options: WorkloadOptions, locate: Locate): WorkloadRules {
  const { header } = options;
  const own = options.routes.map((route, index) => ({ ...route, at: locate(['routes', index]) }));
  return {
    fallback: options.default,
    // The longest prefix is the most exact.
    routes: own.toSorted((a, b) => b.pathPrefix.length - a.pathPrefix.length),
    methods: [
      ...options.odoo.map((entry, index) => ({ ...entry, at: locate(['odoo', index]) })),
      ...shippedMethods.map((entry) => ({ ...entry, class: 'batch' as const, at: '' })),
    ],
    header: header === undefined ? undefined : { name: header, at: locate(['header']) },
    at: locate(['default']),
  };
}

export interface WorkloadVerdict {
  workload: Workload;
  /** Line that says so; empty for what is shipped. */
  at: string;
  why: string;
}

const staticFile: WorkloadVerdict = { workload: 'static', at: '', why: 'static file' };
const webSocket: WorkloadVerdict = {
  workload: 'websocket',
  at: '',
  why: 'WebSocket handshake on /websocket',
};

/** Says how a request loads Odoo. A header counts only from a trusted proxy: a client would always call itself urgent. */
export function classifyWorkload(rules: WorkloadRules, facts: Facts): WorkloadVerdict {
  if (facts.webSocket) return webSocket;
  if (isStatic(facts.path)) return staticFile;
  if (rules.header !== undefined && facts.fromTrustedProxy) {
    const { name, at } = rules.header;
    const word = fieldValue(facts.fields, name);
    if (word === 'interactive' || word === 'batch') return { workload: word, at, why: `header ${name}` };
  }
  // The zone's own word goes before what is shipped.
  for (const { pathPrefix, class: workload, at } of rules.routes) {
    if (facts.path.startsWith(pathPrefix)) return { workload, at, why: `path begins with ${pathPrefix}` };
  }
  const call = facts.odoo;
  if (call !== undefined) {
    const entry = findCallEntry(rules.methods, call);
    if (entry !== undefined) {
      return { workload: entry.class, at: entry.at, why: `Odoo call ${call.model} ${call.method}` };
    }
  } else {
    const route = findRoute(facts.path, shippedRoutes);
    if (route !== undefined) return { workload: 'batch', at: '', why: `route ${route}` };
  }
  return { workload: rules.fallback, at: rules.at, why: 'default of the zone' };
}

/** `/<module>/static/<file>`, which takes no session and no database (odoo/http.py), and the bundles of the web client. */
function isStatic(path: string): boolean {
  if (path.startsWith('/web/assets/')) return true;
  const second = path.indexOf('/', 1);
  return (
    second > 1 &&
    path.startsWith(staticFolder, second) &&
    path.length > second + staticFolder.length &&
    isModuleName(path, second)
  );
}

const staticFolder = '/static/';

function isModuleName(path: string, end: number): boolean {
  for (let i = 1; i < end; i++) {
    const code = path.charCodeAt(i);
    const known = (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x5f;
    if (!known) return false;
  }
  return true;
}
