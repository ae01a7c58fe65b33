import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  choiceSchema,
  countSchema,
  durationSchema,
  nameSchema,
  textSchema,
  unreadable,
} from '../core/schema.ts';
import { renderProblem } from './problems.ts';
import { readYaml } from './read-yaml.ts';
import { resolveSecrets } from './secrets.ts';
import { validate } from './validate.ts';

const rateError = unreadable('a rate', 'It could be per second or per minute.', 'Write "50/s".');
const rateSchema = z
  .string({ error: rateError })
  .regex(/^\d+\/[smh]$/, { error: rateError })
  .transform((text) => Number.parseInt(text, 10));

const limitSchema = z.strictObject({
  name: nameSchema,
  key: choiceSchema(['tenant', 'principal', 'address'], 'Nobody would be limited.'),
  rate: rateSchema.describe('Tokens that the budget gains, such as 50/s'),
  burst: countSchema(1, 1000).optional(),
  shadow: z.boolean().describe('Whether it only counts.').optional(),
});

const schema = z.strictObject({
  zone: nameSchema.describe('Name of the zone.'),
  identify: z
    .union([
      z.literal('none'),
      z.strictObject({
        any: z.array(z.strictObject({ jwt: z.strictObject({ issuer: nameSchema }).optional() })).min(1),
      }),
    ])
    .optional()
    .describe('How callers prove who they are.'),
  limits: z.array(limitSchema).max(3).default([]).describe('The budgets.'),
  pools: z.record(nameSchema, z.strictObject({ seats: countSchema(1, 100) })).optional(),
  backend: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('http'), port: countSchema(1, 65_535).describe('Its port.') }),
      z.strictObject({ kind: z.literal('unix'), path: textSchema('a path', 'Write a path.') }),
    ])
    .optional(),
  cost: z.union([countSchema(1, 9), z.record(nameSchema, countSchema(1, 9))]).optional(),
  mode: z.enum(['inline', 'forward']).optional(),
  days: z.array(z.string()).min(1).optional(),
  ratio: z.number().min(0).max(1).optional(),
  step: z.number().multipleOf(5).optional(),
  tag: z.string().min(2).max(4).optional(),
  code: z
    .string()
    .regex(/^[A-Z]+$/)
    .describe('Capitals only.')
    .optional(),
  window: z
    .strictObject({ from: z.int(), to: z.int() })
    .refine(({ from, to }) => from < to, { error: 'The window ends before it begins' })
    .optional(),
  timeout: durationSchema.prefault('5s'),
  weights: z.record(z.enum(['interactive', 'batch']), z.int()).optional(),
});

function check(text: string, env: Record<string, string> = {}) {
  const { document } = readYaml('a.yaml', text);
  return validate(schema, resolveSecrets(document, { env, directory: '/', readFile: () => '' }).document);
}

function problemsOf(text: string, env?: Record<string, string>): string[] {
  return (check(text, env).problems ?? []).map((problem) => renderProblem(problem));
}

const unapplied = 'The gateway would not know what to apply.';
const ignored = 'It would be ignored, so what it is meant to set would not apply.';

describe('a document that fits its schema', () => {
  it('gives the output of the schema', () => {
    expect(check('zone: a\nlimits: [{name: l, key: tenant, rate: 50/s}]\n')).toEqual({
      value: { zone: 'a', limits: [{ name: 'l', key: 'tenant', rate: 50 }], timeout: 5000 },
    });
  });

  it('may give a number or a boolean by a placeholder', () => {
    const text =
      'zone: ${env:N}\nbackend: {kind: http, port: "${env:P}"}\nlimits: [{name: l, key: tenant, rate: 1/s, shadow: "${env:B}"}]\ncost: ${env:N}\n';
    expect(check(text, { N: '7', P: '8069', B: 'true' })).toEqual({
      value: {
        zone: '7',
        backend: { kind: 'http', port: 8069 },
        limits: [{ name: 'l', key: 'tenant', rate: 1, shadow: true }],
        cost: 7,
        timeout: 5000,
      },
    });
  });
});

describe('a mistake is told', () => {
  const cases: [title: string, text: string, ...problems: string[]][] = [
    [
      'in the words of the schema',
      'zone: a\nlimits:\n  - name: l\n    key: tenant\n    rate: 50\n',
      'a.yaml:5:11  limits[0].rate: "50" is not a rate. It could be per second or per minute. Write "50/s".',
    ],
    [
      'with the number as the file spells it',
      'zone: a\nlimits: [{name: l, key: tenant, rate: 1/s, burst: 1e4}]\n',
      `a.yaml:2:51  limits[0].burst: "1e4" is not a whole number from 1 to 1000. ${unapplied} Write a whole number from 1 to 1000.`,
    ],
    [
      'for an unknown key, at the key, with the nearest name',
      'zone: a\nlimits:\n  - name: l\n    key: tenant\n    rate: 1/s\n    brust: 5\n',
      `a.yaml:6:5  limits[0].brust: "brust" is not a known key. ${ignored} Write "burst".`,
    ],
    [
      'for an unknown key that resembles none, with the keys that there are',
      'zone: a\nbackend: {kind: unix, path: x, colour: red}\n',
      `a.yaml:2:32  backend.colour: "colour" is not a known key. ${ignored} Remove it; known here: kind, path.`,
    ],
    [
      'once for a misspelt key, though another one is missing by it',
      'zone: a\nlimits: [{name: l, key: tenant, rat: 50/s}]\n',
      `a.yaml:2:33  limits[0].rat: "rat" is not a known key. ${ignored} Write "rate".`,
    ],
    [
      'for a missing key, at its parent, with what it is for',
      'zone: a\nlimits:\n  - {name: l, key: tenant}\n',
      `a.yaml:3:5  limits[0].rate: "rate" is missing. ${unapplied} Add "rate:" here. Tokens that the budget gains, such as 50/s.`,
    ],
    [
      'for a missing key of the file',
      'mode: inline\n',
      `a.yaml:1:1  zone: "zone" is missing. ${unapplied} Add "zone:" here. Name of the zone.`,
    ],
    [
      'for a key without a value, with the advice of the schema',
      'zone:\nmode: \n',
      `a.yaml:1:1  zone: "zone" has no value. ${unapplied} Write a word such as partner-rate.`,
      `a.yaml:2:1  mode: "mode" has no value. ${unapplied} Write a value behind the colon, or remove the key.`,
    ],
    [
      'for a mapping in place of a list',
      'zone: a\nlimits: {name: l}\n',
      `a.yaml:2:9  limits: "limits" is a mapping, but must be a list. ${unapplied} Write a list: one entry per line, each starting with "- ". The budgets.`,
    ],
    [
      'for a list in place of a mapping',
      'zone: a\nbackend: []\nlimits: [[]]\n',
      `a.yaml:2:10  backend: "backend" is a list, but must be a mapping with "kind", "port" or a mapping with "kind", "path". ${unapplied} Write a mapping with "kind", "port" or a mapping with "kind", "path".`,
      `a.yaml:3:10  limits[0]: Entry 1 of "limits" is a list, but must be a mapping. ${unapplied} Write a mapping: its keys are name, key, rate, burst, shadow.`,
    ],
    [
      'for a word in place of a mapping',
      'zone: a\npools: {p: many}\n',
      `a.yaml:2:12  pools.p: "many" is not a mapping. ${unapplied} Write a mapping: its keys are seats.`,
    ],
    [
      'for a word in place of true or false',
      'zone: a\nlimits: [{name: l, key: tenant, rate: 1/s, shadow: yes}]\n',
      `a.yaml:2:52  limits[0].shadow: "yes" is not true or false. ${unapplied} Write true or false. Whether it only counts.`,
    ],
    [
      'for a text that YAML takes for a number',
      'zone: 007\n',
      `a.yaml:1:7  zone: 007 without quotes is a number, not a text. ${unapplied} Write "007", quotes included.`,
    ],
    [
      'for a word that is not in the list, with the nearest one',
      'zone: a\nmode: forwrd\nlimits: [{name: l, key: tennant, rate: 1/s}]\n',
      `a.yaml:2:7  mode: "forwrd" is not one of inline, forward. ${unapplied} Write "forward".`,
      'a.yaml:3:25  limits[0].key: "tennant" is not one of tenant, principal, address. Nobody would be limited. Write "tenant".',
    ],
    [
      'for a word that resembles none of the list',
      'zone: a\nmode: x\n',
      `a.yaml:2:7  mode: "x" is not one of inline, forward. ${unapplied} Write inline or forward.`,
    ],
    [
      'from inside the alternative that was meant',
      'zone: a\nidentify:\n  any:\n    - jwt: {issuer: A}\n    - jtw: {}\n',
      'a.yaml:4:21  identify.any[0].jwt.issuer: "A" is not a name. It could not be used as a metric label or a store key. Use up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first.',
      `a.yaml:5:7  identify.any[1].jtw: "jtw" is not a known key. ${ignored} Write "jwt".`,
    ],
    [
      'for a misspelt key of the only alternative that is a mapping',
      'zone: a\nidentify: {anny: []}\n',
      `a.yaml:2:12  identify.anny: "anny" is not a known key. ${ignored} Write "any".`,
    ],
    [
      'for a misspelt word beside a mapping',
      'zone: a\nidentify: nome\n',
      `a.yaml:2:11  identify: "nome" is neither "none" nor a mapping with "any". ${unapplied} Write "none".`,
    ],
    [
      'for a list where a word or a mapping is wanted',
      'zone: a\nidentify: [none]\n',
      `a.yaml:2:11  identify: "identify" is a list, but must be "none" or a mapping with "any". ${unapplied} Write "none" or a mapping with "any". How callers prove who they are.`,
    ],
    [
      'for the alternative of the same kind',
      'zone: a\ncost: 10\n',
      `a.yaml:2:7  cost: "10" is not a whole number from 1 to 9. ${unapplied} Write a whole number from 1 to 9.`,
    ],
    [
      'for a wrong entry of the other alternative',
      'zone: a\ncost: {x: 10}\n',
      `a.yaml:2:11  cost.x: "10" is not a whole number from 1 to 9. ${unapplied} Write a whole number from 1 to 9.`,
    ],
    [
      'for an unknown kind',
      'zone: a\nbackend: {kind: htp}\n',
      `a.yaml:2:17  backend.kind: "htp" is not one of http, unix. ${unapplied} Write "http".`,
    ],
    [
      'for a missing kind',
      'zone: a\nbackend: {port: 80}\n',
      `a.yaml:2:10  backend.kind: "kind" is missing. ${unapplied} Add "kind:" here. It is http or unix.`,
    ],
    [
      'for the alternative that the kind chose',
      'zone: a\nbackend: {kind: http, path: x}\n',
      `a.yaml:2:10  backend.port: "port" is missing. ${unapplied} Add "port:" here. Its port.`,
      `a.yaml:2:23  backend.path: "path" is not a known key. ${ignored} Remove it; known here: kind, port.`,
    ],
    [
      'for the name of an entry, at the name',
      'zone: a\npools:\n  Big One: {seats: 1}\n',
      'a.yaml:3:3  pools["Big One"]: "Big One" is not a name. It could not be used as a metric label or a store key. Use up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first.',
    ],
    [
      'for a name that is not one of a closed list',
      'zone: a\nweights: {interactive: 1, bach: 2}\n',
      `a.yaml:2:27  weights.bach: "bach" is not a known key. ${ignored} Write "batch".`,
    ],
    [
      'for a list that is too short or too long',
      'zone: a\ndays: []\nlimits: [{}, {}, {}, {}]\n',
      `a.yaml:2:7  days: "days" has no entries, but must have at least 1. ${unapplied} Add an entry.`,
      `a.yaml:3:9  limits: "limits" has 4 entries, but must have at most 3. ${unapplied} Remove entries.`,
    ],
    [
      'for a number or a text out of bounds',
      'zone: a\nratio: 1.5\nstep: 7\ntag: abcde\n',
      `a.yaml:2:8  ratio: "1.5" must be at most 1. ${unapplied} Write another number.`,
      `a.yaml:3:7  step: "7" is not a multiple of 5. ${unapplied} Write a multiple of 5.`,
      `a.yaml:4:6  tag: "abcde" must have at most 4 characters. ${unapplied} Write another text.`,
    ],
    [
      'for a text of the wrong form',
      'zone: a\ncode: abc\n',
      `a.yaml:2:7  code: "abc" does not have the form that is needed here (/^[A-Z]+$/). ${unapplied} Write a text of that form. Capitals only.`,
    ],
    [
      'for values that do not go together',
      'zone: a\nwindow: {from: 5, to: 4}\n',
      `a.yaml:2:9  window: The window ends before it begins. ${unapplied} Correct the value.`,
    ],
    [
      'for a file that is a list',
      '- zone: a\n',
      `a.yaml:1:1  The file is a list, but must be a mapping. ${unapplied} Write a mapping: its keys are zone, identify, limits, pools, backend, cost, mode, days, ratio, step, tag, code, window, timeout, weights.`,
    ],
  ];
  it.each(cases)('%s', (_title, text, ...problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  it('with all others at once', () => {
    const text = 'zone: A\nmood: x\nlimits:\n  - {name: B, key: c, rate: 5, burst: 0, x: 1}\n  - 7\n';
    expect(problemsOf(text).map((problem) => problem.split(': ')[0])).toEqual([
      'a.yaml:1:7  zone',
      'a.yaml:2:1  mood',
      'a.yaml:4:12  limits[0].name',
      'a.yaml:4:20  limits[0].key',
      'a.yaml:4:29  limits[0].rate',
      'a.yaml:4:39  limits[0].burst',
      'a.yaml:4:42  limits[0].x',
      'a.yaml:5:5  limits[1]',
    ]);
  });

  it('only once for a placeholder that could not be filled in', () => {
    expect(problemsOf('zone: a\ntimeout: ${env:NONE}\n')).toEqual([]);
  });

  it('for a placeholder that spells a number where a text is asked for, as for any text', () => {
    expect(problemsOf('zone: a\ntag: ${env:T}\n', { T: '12345' })).toEqual([
      `a.yaml:2:6  tag: "\${env:T}" must have at most 4 characters. ${unapplied} Write another text.`,
    ]);
  });

  it('for a placeholder whose number is out of bounds, without the number', () => {
    expect(problemsOf('zone: a\nbackend: {kind: http, port: "${env:P}"}\n', { P: '70000' })).toEqual([
      `a.yaml:2:29  backend.port: The value behind "\${env:P}" is not a whole number from 1 to 65535. ${unapplied} Write a whole number from 1 to 65535.`,
    ]);
  });
});
