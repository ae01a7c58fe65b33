import { z } from 'zod';
import type { Facts, OdooCall } from '../core/facts.ts';
import { fieldValue } from '../core/fields.ts';
import type { Locate } from '../core/issue.ts';
import { choiceSchema, countSchema, durationBetween, unreadable } from '../core/schema.ts';
import type { Workload } from '../core/workload.ts';
import { matchesPattern, methodPatternSchema, modelPatternSchema } from '../core/method-pattern.ts';
import { findOdooRoute } from './route.ts';
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
        recordsOver: countSchema(0, 1_000_000)
          .optional()
          .describe('Only calls that are about more records than this: ids, or rows of a create.'),
        limitOver: countSchema(0, 1_000_000_000)
          .optional()
          .describe('Only calls that ask for more records than this, or set no limit.'),
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
  learn: z
    .strictObject({
      slowerThan: durationBetween(
        ['100ms', '10m'],
        'Nearly every call would be slower than that, or none.',
      ).describe(
        'A method whose calls take longer on average is batch work, until they take less than half of this.',
      ),
    })
    .optional()
    .describe(
      'Makes Odoo calls that no rule names batch work when they turn out to be slow; each tenant by itself.',
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
  /** Only a call about more records; undefined where their number does not count. */
  recordsOver: number | undefined;
  /** Only a call for more records, or without a limit. */
  limitOver: number | undefined;
  class: Workload;
  at: string;
}

/** From what mean time on a method is batch work, and the line that says so. */
export interface LearnRule {
  slowerThanMs: number;
  at: string;
}

export interface WorkloadRules {
  /** The verdict where no rule names a request: this very object. */
  byDefault: WorkloadVerdict;
  routes: readonly RouteClass[];
  methods: readonly MethodClass[];
  header: { name: string; at: string } | undefined;
  /** Undefined where nothing is learned. */
  learn: LearnRule | undefined;
}

export function compileWorkload(options: WorkloadOptions, locate: Locate): WorkloadRules {
  const { header, learn } = options;
  const own = options.routes.map((route, index) => ({ ...route, at: locate(['routes', index]) }));
  return {
    byDefault: { workload: options.default, at: locate(['default']), why: 'default of the zone' },
    // The longest prefix is the most exact.
    routes: own.toSorted((a, b) => b.pathPrefix.length - a.pathPrefix.length),
    methods: [
      ...options.odoo.map((entry, index) => compileEntry(entry, entry.class, locate(['odoo', index]))),
      ...shippedMethods.map((entry) => compileEntry(entry, 'batch', '')),
    ],
    header: header === undefined ? undefined : { name: header, at: locate(['header']) },
    learn: learn && { slowerThanMs: learn.slowerThan, at: locate(['learn']) },
  };
}

function compileEntry(
  { model, methods, recordsOver, limitOver }: Authored,
  workload: Workload,
  at: string,
): MethodClass {
  return { model, methods, recordsOver, limitOver, class: workload, at };
}

interface Authored {
  model: string;
  methods: readonly string[];
  recordsOver?: number | undefined;
  limitOver?: number | undefined;
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

/** A megabyte of arguments, or a call that nobody honest writes: neither is what a person waits for. */
const unread: WorkloadVerdict = { workload: 'batch', at: '', why: 'an Odoo call that is not read' };

/**
 * Says how a request loads Odoo. A header counts only from a trusted proxy: a client would always call itself urgent.
 * `unreadCall` tells that a call came whose body is too large or too ambiguous to be read.
 */
export function classifyWorkload(rules: WorkloadRules, facts: Facts, unreadCall: boolean): WorkloadVerdict {
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
    for (const entry of rules.methods) {
      if (names(entry, call) && fits(entry, call))
        return { workload: entry.class, at: entry.at, why: whyOf(entry, call) };
    }
    if (unreadCall) return unread;
  } else {
    if (unreadCall) return unread;
    const route = findOdooRoute(facts.path);
    if (route !== undefined && shippedRoutes.has(route))
      return { workload: 'batch', at: '', why: `route ${route}` };
  }
  return rules.byDefault;
}

/** Whether the class of this call depends on its size, so that its body has to be read. */
export function needsSize(rules: WorkloadRules, call: OdooCall): boolean {
  let asked: Workload | undefined;
  for (const entry of rules.methods) {
    if (!names(entry, call)) continue;
    if (entry.recordsOver === undefined && entry.limitOver === undefined)
      return asked !== undefined && asked !== entry.class;
    // Entries of both classes: the size decides in any case.
    if (asked !== undefined && asked !== entry.class) return true;
    asked = entry.class;
  }
  return asked !== undefined && asked !== rules.byDefault.workload;
}

function names({ model, methods }: MethodClass, call: OdooCall): boolean {
  if (call.service !== 'object' || !matchesPattern(model, call.model)) return false;
  for (const method of methods) if (matchesPattern(method, call.method)) return true;
  return false;
}

function fits({ recordsOver, limitOver }: MethodClass, { sized, records, limit }: OdooCall): boolean {
  if (recordsOver === undefined && limitOver === undefined) return true;
  if (!sized) return false;
  if (recordsOver !== undefined && records !== undefined && records > recordsOver) return true;
  return limitOver !== undefined && (limit === undefined || limit > limitOver);
}

function whyOf({ recordsOver, limitOver }: MethodClass, { model, method, records, limit }: OdooCall): string {
  const name = `Odoo call ${model} ${method}`;
  if (recordsOver !== undefined && records !== undefined && records > recordsOver)
    return `${name} of ${records} records`;
  if (limitOver === undefined) return name;
  return limit === undefined ? `${name} without a limit` : `${name} with limit ${limit}`;
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
