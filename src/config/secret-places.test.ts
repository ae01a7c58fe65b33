import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ConfigPath } from '../core/issue.ts';
import { nameSchema, quoted, unreadable } from '../core/schema.ts';
import { problemFromIssue, renderProblem, renderProblems } from './problems.ts';
import { readYaml } from './read-yaml.ts';
import { createSecretPlaces } from './secret-places.ts';
import type { SecretPlaces } from './secret-places.ts';
import { resolveSecrets } from './secrets.ts';
import type { ResolvedDocument } from './secrets.ts';
import { validate } from './validate.ts';

function load(
  text: string,
  env: Record<string, string>,
  places?: SecretPlaces,
  file = 'a.yaml',
): ResolvedDocument {
  const sources = { env, directory: '/etc', readFile: (path: string) => env[path] ?? '' };
  return resolveSecrets(readYaml(file, text).document, sources, places).document;
}

function tell(document: ResolvedDocument, path: ConfigPath, what: string): string {
  return problemFromIssue(document, { path, what, consequence: '', fix: '' }).what;
}

describe('a message about a value from a placeholder', () => {
  const secret = 'hunter2-hunter2';
  const document = load('auth:\n  key: pre-${file:/k}-post\n  other: x\n  pin: ${env:PIN}\n', {
    '/k': secret,
    PIN: '4711',
  });
  const cases: [title: string, path: ConfigPath, what: string, shown: string][] = [
    [
      'the whole value',
      ['auth', 'key'],
      `"pre-${secret}-post" is not a key.`,
      'The value behind "pre-${file:/k}-post" is not a key.',
    ],
    [
      'the secret alone',
      ['auth', 'key'],
      `The word "${secret}" is bad.`,
      'The word "pre-${file:/k}-post" is bad.',
    ],
    [
      'a part of the secret',
      ['auth', 'key'],
      'Unexpected `ter2` here.',
      'Unexpected `pre-${file:/k}-post` here.',
    ],
    ['a shortened part', ['auth', 'key'], 'Bad: "hunt..."', 'Bad: "pre-${file:/k}-post"'],
    [
      'a parent of the value',
      ['auth'],
      `${quoted({ key: `pre-${secret}-post`, other: 'x', pin: '4711' })} is bad.`,
      `${quoted({ key: 'pre-${file:/k}-post', other: 'x', pin: '${env:PIN}' })} is bad.`,
    ],
    [
      'the value at a sibling',
      ['auth', 'other'],
      `x is not "pre-${secret}-post".`,
      'x is not "pre-${file:/k}-post".',
    ],
    [
      'the secret without quotes',
      [],
      `Not ${secret.toUpperCase()}, please.`,
      'Not pre-${file:/k}-post, please.',
    ],
    ['eight characters of it', [], 'Not nter2-hu, please.', 'Not pre-${file:/k}-post, please.'],
    ['a short secret', ['auth', 'other'], 'Not 4711, please.', 'Not ${env:PIN}, please.'],
    ['nothing of it', ['auth', 'key'], 'The key "x" is too short.', 'The key "x" is too short.'],
  ];
  it.each(cases)('shows the placeholder for %s', (_title, path, what, shown) => {
    expect(tell(document, path, what)).toBe(shown);
  });

  it('shows the placeholder of another file of the same load', () => {
    const places = createSecretPlaces();
    load('a: ${env:KEY}', { KEY: 'a' }, places, 'one.yaml');
    load('a: ${env:TOKEN}', { TOKEN: 'tok-1234567890' }, places, 'one.yaml');
    const other = load('b: 1', {}, places, 'two.yaml');
    expect(tell(other, ['b'], 'Twice: "tok-1234567890" and tok-1234567890.')).toBe(
      'Twice: "${env:TOKEN}" and ${env:TOKEN}.',
    );
  });

  it('leaves explanations alone that share only public text with the secret', () => {
    const url = load('url: ${env:URL}', { URL: 'https://inner.test/realm' });
    expect(tell(url, ['url'], 'Write a URL such as https://id.example/.')).toBe(
      'Write a URL such as https://id.example/.',
    );
    expect(tell(url, ['url'], '"https://inner.test/realm" is bad.')).toBe(
      'The value behind "${env:URL}" is bad.',
    );
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB0123456789\n-----END CERTIFICATE-----';
    const ca = load('ca: ${file:/ca}', { '/ca': pem });
    expect(tell(ca, ['ca'], `There is no -----BEGIN CERTIFICATE----- in ${quoted(pem)}.`)).toBe(
      'There is no -----BEGIN CERTIFICATE----- in "${file:/ca}".',
    );
  });

  it('shows a fallback, which stands in the file', () => {
    const fallback = load('a: ${env:NONE:-public-text}', {});
    expect(tell(fallback, [], 'This is public-text.')).toBe('This is public-text.');
  });

  it('points at the character behind the placeholder', () => {
    const rule = load('match: Host(`${env:H}`) && Foo(`$${x}`) && Bar', { H: 'shop.example' });
    const resolved = 'Host(`shop.example`) && Foo(`${x}`) && Bar';
    const columnOf = (word: string): number =>
      problemFromIssue(rule, {
        path: ['match'],
        offset: resolved.indexOf(word),
        what: '',
        consequence: '',
        fix: '',
      }).column;
    const authored = 'match: Host(`${env:H}`) && Foo(`$${x}`) && Bar';
    expect([
      columnOf('Host'),
      columnOf('.example'),
      columnOf('Foo'),
      columnOf('x}'),
      columnOf('Bar'),
    ]).toEqual([
      authored.indexOf('Host') + 1,
      authored.indexOf('${env') + 1,
      authored.indexOf('Foo') + 1,
      authored.indexOf('x}') + 1,
      authored.indexOf('Bar') + 1,
    ]);
  });
});

/** Letters that no message contains, so that finding a window of the secret means that it leaked. */
const secretText = fc
  .array(fc.constantFrom('Ж', 'Q', '7', '"', '\\', '\n', '`', '_', 'λ', '9'), {
    minLength: 8,
    maxLength: 200,
  })
  .map((letters) => letters.join(''));
const publicText = fc.constantFrom('', 'x', 'https://', 'user:', 'a-long-public-prefix '.repeat(4));

/** No eight characters of the secret, and of its spelling in JSON, where one may take two, no sixteen. */
function expectNoWindow(text: string, secret: string): void {
  const plain = text.replaceAll('\\n', '\n');
  for (let i = 0; i + 8 <= secret.length; i++)
    expect([text, plain.includes(secret.slice(i, i + 8))]).toEqual([text, false]);
  const json = JSON.stringify(secret);
  for (let i = 0; i + 16 <= json.length; i++)
    expect([text, text.includes(json.slice(i, i + 16))]).toEqual([text, false]);
}

/** A document with the same text at each key of the schema below. */
function everywhere(text: string): string {
  const keys = ['name', 'rate', 'either', 'word', 'port', 'text', 'ip', 'by'];
  return `${keys.map((key) => `${key}: "${text}"\n`).join('')}list: ["${text}"]\n`;
}

/** The message at `by` is made from the value itself: it may differ, as long as the secret is not in it. */
function withoutBy(lines: string): string[] {
  return lines.split('\n').filter((line) => !line.includes(' by: '));
}

describe('no message shows a secret', () => {
  it('however a feature quotes, shortens or cuts it', () => {
    fc.assert(
      fc.property(
        secretText,
        publicText,
        publicText,
        fc.nat(),
        fc.nat(),
        (secret, before, after, from, to) => {
          const document = load(`a:\n  - b: "${before}\${env:S}${after}"\n    c: d\n`, { S: secret });
          const value = `${before}${secret}${after}`;
          const cut = value.slice(from % value.length, (to % value.length) + 1);
          const messages = [
            quoted(value),
            quoted({ b: value, c: 'd' }),
            quoted([{ b: value, c: 'd' }]),
            quoted(secret),
            `"${value.slice(0, 40)}..."`,
            `(${value.toUpperCase()})`,
            `<${cut}>`,
            JSON.stringify({ nested: [value] }),
          ];
          const paths: ConfigPath[] = [['a', 0, 'b'], ['a', 0], ['a'], [], ['a', 0, 'c']];
          for (const path of paths)
            for (const message of messages) expectNoWindow(tell(document, path, message), secret);
        },
      ),
    );
  });

  it('whatever the schema says, and the message is the same for every secret', () => {
    const error = unreadable('a rate', 'It would be guessed.', 'Write "50/s".');
    const rate = z.string({ error }).regex(/^\d+\/s$/, { error });
    const schema = z.strictObject({
      name: nameSchema,
      rate,
      either: z.union([z.literal('none'), rate, z.strictObject({ a: z.int() })]),
      word: z.enum(['red', 'green']),
      port: z.int(),
      text: z.string().max(3),
      ip: z.ipv4(),
      by: z
        .string()
        .superRefine((text, context) => context.addIssue({ code: 'custom', message: `No ${text}!` })),
      list: z
        .array(z.string())
        .refine(() => false, { error: (issue) => `Wrong: ${JSON.stringify(issue.input)}` }),
    });
    const problemsFor = (before: string, after: string, secret: string): string => {
      const { problems } = validate(schema, load(everywhere(`${before}\${env:S}${after}`), { S: secret }));
      return renderProblems(problems ?? []);
    };
    fc.assert(
      fc.property(secretText, publicText, publicText, (secret, before, after) => {
        const told = problemsFor(before, after, secret);
        expectNoWindow(told, secret);
        expect(withoutBy(told)).toEqual(withoutBy(problemsFor(before, after, 'ЖЖЖЖЖЖЖЖ')));
        expect(withoutBy(told)).toHaveLength(9);
      }),
      { numRuns: 50 },
    );
  });

  it('in the rendered line, whose control characters are shown instead of sent', () => {
    const document = readYaml('a.yaml', 'a: "x\\e[31m\\ny\\u202Ez"').document;
    const resolved = resolveSecrets(document, { env: {}, directory: '/', readFile: () => '' }).document;
    const problem = problemFromIssue(resolved, {
      path: ['a'],
      what: `${quoted('x\u001b[31m\ny\u202ez')} is bad.`,
      consequence: 'It would be.',
      fix: 'Do not.',
    });
    expect(renderProblem(problem)).toBe(
      'a.yaml:1:4  a: "x\\u001b[31m\\ny\\u202ez" is bad. It would be. Do not.',
    );
  });
});
