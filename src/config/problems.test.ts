import { describe, expect, it } from 'vitest';
import {
  createProblem,
  formatPath,
  problemFromIssue,
  renderProblem,
  renderProblems,
  sortProblems,
} from './problems.ts';
import type { Problem } from './problems.ts';
import { readYaml } from './read-yaml.ts';
import { resolveSecrets } from './secrets.ts';

const complaint = { what: 'It is wrong.', consequence: 'It would break.', fix: 'Write it right.' };

function problemAt(file: string, line: number, column: number, what = 'It is wrong.'): Problem {
  return createProblem(file, { line, column }, ['a'], { ...complaint, what });
}

describe('a problem', () => {
  it('is rendered as where, what, what would happen and what to write', () => {
    const problem = createProblem('zones/partner.yaml', { line: 14, column: 11 }, ['limits', 0, 'rate'], {
      what: '"50" is not a rate.',
      consequence: 'Without a unit it could be per second or per minute.',
      fix: 'Write "50/s".',
    });
    expect(renderProblem(problem)).toBe(
      'zones/partner.yaml:14:11  limits[0].rate: "50" is not a rate. Without a unit it could be per second or per minute. Write "50/s".',
    );
  });

  it('of the whole file names no path', () => {
    expect(renderProblem(createProblem('a.yaml', { line: 1, column: 1 }, [], complaint))).toBe(
      'a.yaml:1:1  It is wrong. It would break. Write it right.',
    );
  });

  it('gets the place of the issue, to the character', () => {
    const { document } = readYaml('zones/a.yaml', 'zone: a\nmatch: "Host(`x`) & Path(`/`)"\n');
    const resolved = resolveSecrets(document, { env: {}, directory: '/', readFile: () => '' }).document;
    expect(problemFromIssue(resolved, { path: ['match'], offset: 10, ...complaint })).toEqual({
      file: 'zones/a.yaml',
      line: 2,
      column: 19,
      path: 'match',
      ...complaint,
    });
  });
});

describe('problems', () => {
  it('are sorted by file, line and column, each once, and counted', () => {
    const problems = [
      problemAt('b.yaml', 1, 1),
      problemAt('a.yaml', 10, 1),
      problemAt('a.yaml', 9, 4),
      problemAt('a.yaml', 9, 3, 'B.'),
      problemAt('a.yaml', 9, 3, 'A.'),
      problemAt('a.yaml', 10, 1),
    ];
    expect(renderProblems(problems)).toBe(
      [
        'a.yaml:9:3  a: A. It would break. Write it right.',
        'a.yaml:9:3  a: B. It would break. Write it right.',
        'a.yaml:9:4  a: It is wrong. It would break. Write it right.',
        'a.yaml:10:1  a: It is wrong. It would break. Write it right.',
        'b.yaml:1:1  a: It is wrong. It would break. Write it right.',
        '5 problems in 2 files',
      ].join('\n'),
    );
    expect(sortProblems(problems)).toHaveLength(5);
  });

  it('are counted in the singular where there is one', () => {
    expect(
      renderProblems([problemAt('a.yaml', 1, 1)])
        .split('\n')
        .at(-1),
    ).toBe('1 problem in 1 file');
  });
});

describe('a path', () => {
  const cases: [path: (string | number)[], text: string][] = [
    [[], ''],
    [['limits', 0, 'rate'], 'limits[0].rate'],
    [[2, 'x-y'], '[2].x-y'],
    [['hosts', 'a.b', 'c'], 'hosts["a.b"].c'],
    [['', 'a"b'], '[""]["a\\"b"]'],
  ];
  it.each(cases)('%j is written %s', (path, text) => {
    expect(formatPath(path)).toBe(text);
  });
});
