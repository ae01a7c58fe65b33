import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderProblem } from './problems.ts';
import { readYaml } from './read-yaml.ts';
import { UnreadableSecretError, createSystemSecretSources } from './secret-sources.ts';
import type { SecretSources } from './secret-sources.ts';
import { resolveSecrets } from './secrets.ts';

const files: Record<string, string> = {
  '/run/secrets/key': 's3cret\n',
  '/etc/bulkhead/keys/pem': 'one\ntwo\r\n',
  '/run/secrets/two-ends': 'x\n\n',
  '/run/secrets/empty': '\n',
};
const sources: SecretSources = {
  directory: '/etc/bulkhead',
  env: { HOST: 'redis.internal', PORT: '6379', EMPTY: '', TRICK: '${env:HOST}' },
  readFile(path) {
    const text = files[path];
    if (text === undefined) throw new UnreadableSecretError('does not exist');
    return text;
  },
};

function resolve(text: string) {
  const { value, files: found, problems } = resolveSecrets(readYaml('a.yaml', text).document, sources);
  return { value, files: found, problems: problems.map((problem) => renderProblem(problem)) };
}

describe('placeholders', () => {
  it('are filled in wherever a text stands, also within a longer text', () => {
    expect(
      resolve(
        'url: redis://${env:HOST}:${env:PORT}/0\nkeys: ["${file:/run/secrets/key}", {pem: "${file:keys/pem}"}]\nn: 5\n',
      ),
    ).toEqual({
      value: { url: 'redis://redis.internal:6379/0', keys: ['s3cret', { pem: 'one\ntwo' }], n: 5 },
      files: ['/run/secrets/key', '/etc/bulkhead/keys/pem'],
      problems: [],
    });
  });

  it('lose exactly one line end of a file', () => {
    expect(resolve('a: ${file:/run/secrets/two-ends}').value).toEqual({ a: 'x\n' });
  });

  it('fall back for a variable that is not set or empty', () => {
    expect(resolve('a: ${env:NONE:-x}\nb: ${env:EMPTY:-y}\nc: "${env:NONE:-}"\n').value).toEqual({
      a: 'x',
      b: 'y',
      c: '',
    });
  });

  it('are plain text behind a second dollar sign', () => {
    expect(resolve('a: $${env:HOST}\nb: cost $5\n').value).toEqual({ a: '${env:HOST}', b: 'cost $5' });
  });

  it('are not looked for in what was filled in', () => {
    expect(resolve('a: ${env:TRICK}').value).toEqual({ a: '${env:HOST}' });
  });

  it('leave a value without placeholders as it is', () => {
    const { document, value } = readYaml('a.yaml', 'a: [{b: 1}]\nc: {d: "${env:HOST}"}\n');
    const resolved = resolveSecrets(document, sources).value as { a: unknown };
    expect(resolved.a).toBe((value as { a: unknown }).a);
    expect(document.value).toEqual({ a: [{ b: 1 }], c: { d: '${env:HOST}' } });
  });
});

describe('a placeholder that cannot be filled in is a problem', () => {
  const lost = 'The value would be missing where it is needed, and an empty secret protects nothing.';
  const cases: [title: string, text: string, problem: string][] = [
    [
      'for a variable that is not set',
      'a: x ${env:NONE}',
      `a.yaml:1:6  a: The environment variable NONE is not set. ${lost} Set NONE for the gateway's process, or give a fallback: \${env:NONE:-fallback}.`,
    ],
    [
      'for an empty variable',
      'a: ${env:EMPTY}',
      `a.yaml:1:4  a: The environment variable EMPTY is empty. ${lost} Set EMPTY for the gateway's process, or give a fallback: \${env:EMPTY:-fallback}.`,
    ],
    [
      'for a missing file',
      'a: [x, "${file:keys/none}"]',
      `a.yaml:1:9  a[1]: The file "keys/none" does not exist. ${lost} Put the value into /etc/bulkhead/keys/none, readable for the gateway's user, or correct the path.`,
    ],
    [
      'for an empty file',
      'a: ${file:/run/secrets/empty}',
      `a.yaml:1:4  a: The file "/run/secrets/empty" is empty. ${lost} Put the value into /run/secrets/empty, readable for the gateway's user, or correct the path.`,
    ],
    [
      'when it is misspelt',
      'a: ${evn:HOST}',
      'a.yaml:1:4  a: "${evn:HOST}" is not a placeholder. It would be used as it stands, and never be replaced by a value. Write ${file:/path/to/file}, ${env:NAME} or ${env:NAME:-fallback}; a plain "${" is written "$${".',
    ],
  ];
  it.each(cases)('%s', (_title, text, problem) => {
    expect(resolve(text).problems).toEqual([problem]);
  });

  it('and all of them are told at once, their files listed for watching', () => {
    const { problems, files: found, value } = resolve('a: ${env:NONE} ${file:/x}\nb: ${file:/y}\n');
    expect(problems.map((problem) => problem.split('  ')[0])).toEqual([
      'a.yaml:1:4',
      'a.yaml:1:16',
      'a.yaml:2:4',
    ]);
    expect(found).toEqual(['/x', '/y']);
    expect(value).toEqual({ a: '${env:NONE} ${file:/x}', b: '${file:/y}' });
  });
});

describe('secret files of the system', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'bulkhead-secrets-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function problemsFor(path: string): string[] {
    const { document } = readYaml('a.yaml', `a: \${file:${path}}`);
    const found = resolveSecrets(document, createSystemSecretSources(directory, {}));
    return found.problems.map((problem) => problem.what);
  }

  it('are read relative to the configuration directory', () => {
    writeFileSync(join(directory, 'key'), 'ü s3cret\n');
    const { document } = readYaml('a.yaml', 'a: ${file:key}\nb: ${file:./key}');
    const found = resolveSecrets(document, createSystemSecretSources(directory, {}));
    expect(found.value).toEqual({ a: 'ü s3cret', b: 'ü s3cret' });
    expect(found.files).toEqual([join(directory, 'key')]);
  });

  it('are refused when they are missing, a directory, too large or not text', () => {
    mkdirSync(join(directory, 'folder'));
    writeFileSync(join(directory, 'large'), Buffer.alloc(1024 * 1024 + 1, 'x'));
    writeFileSync(join(directory, 'binary'), Buffer.from([0x30, 0x82, 0xff, 0xfe]));
    expect(problemsFor('none')).toEqual(['The file "none" does not exist.']);
    expect(problemsFor('folder')).toEqual(['The file "folder" is a directory.']);
    expect(problemsFor('large')).toEqual(['The file "large" is larger than 1 MiB.']);
    expect(problemsFor('binary')).toEqual(['The file "binary" is not UTF-8 text.']);
    expect(problemsFor('binary/x')).toEqual([
      'The file "binary/x" does not exist, because a part of its path is not a directory.',
    ]);
    expect(problemsFor('/dev/zero')).toEqual(['The file "/dev/zero" is not a regular file.']);
  });
});
