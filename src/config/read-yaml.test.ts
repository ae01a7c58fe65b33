import { describe, expect, it } from 'vitest';
import { renderProblem } from './problems.ts';
import { readYaml } from './read-yaml.ts';

function problemsOf(text: string): string[] {
  return readYaml('a.yaml', text).problems.map((problem) => renderProblem(problem));
}

describe('reading YAML', () => {
  it('gives plain values in YAML 1.2, where yes, on and dates are texts', () => {
    const text = 'a: yes\nb: on\nc: 2026-01-01\nd: 12\ne: 0x10\nf: true\ng: [1.5, ~]\nh: !!str 12\n007: x\n';
    const { value, problems } = readYaml('a.yaml', text);
    expect(problems).toEqual([]);
    expect(value).toEqual({
      a: 'yes',
      b: 'on',
      c: '2026-01-01',
      d: 12,
      e: 16,
      f: true,
      g: [1.5, null],
      h: '12',
      '007': 'x',
    });
  });

  it('reads a file with a byte order mark and CRLF line ends', () => {
    const { value, problems } = readYaml('a.yaml', '\uFEFFa: 1\r\nb:\r\n  - x\r\n');
    expect(problems).toEqual([]);
    expect(value).toEqual({ a: 1, b: ['x'] });
  });

  it('follows an alias to the value of its anchor', () => {
    const { value, document, problems } = readYaml('a.yaml', 'a: &x\n  b: 1\nc: *x\n');
    expect(problems).toEqual([]);
    expect(value).toEqual({ a: { b: 1 }, c: { b: 1 } });
    expect(document.locate(['c', 'b'])).toEqual({ line: 2, column: 6 });
  });

  it('gives no value for a file whose syntax is broken, and a value for one with a repeated key', () => {
    expect(readYaml('a.yaml', 'a: "x').value).toBeUndefined();
    expect(readYaml('a.yaml', 'a: 1\na: 2\n').value).toEqual({ a: 1 });
  });
});

describe('a mistake in the YAML is explained', () => {
  const cases: [title: string, text: string, problem: string][] = [
    [
      'a tab as indentation',
      'zone: a\nlimits:\n\t- x\n',
      'a.yaml:3:1  A tab is used for indentation. YAML allows only blanks there, because a tab has no fixed width. Replace the tab with blanks.',
    ],
    [
      'a quote that is never closed, at the quote and not at the end of the file',
      'a: 1\nb: "x\nc: 2\nd: 3\n',
      'a.yaml:2:4  The quote that opens here is never closed. Everything behind it would be part of this text. Write the closing " at the end of the text.',
    ],
    [
      'a single quote that is never closed',
      "b: 'x\nc: 2\n",
      "a.yaml:1:4  The quote that opens here is never closed. Everything behind it would be part of this text. Write the closing ' at the end of the text.",
    ],
    [
      'a quote that is closed by a later one',
      'a: "x\n  b: "y"\n',
      'a.yaml:1:4  The quote that opens here is closed only on line 2, in the middle of something else. Everything behind it would be part of this text. Write the closing " at the end of the text.',
    ],
    [
      'a key that is written twice',
      'zone: a\nmatch: x\nzone: b\n',
      'a.yaml:3:1  zone: "zone" is written twice: the first one is on line 1. Only one of the two would apply, and which one is easily overlooked. Keep one of them, or merge what they hold.',
    ],
    [
      'a colon inside a value',
      'match: Host(`x`) && a: b\n',
      'a.yaml:1:8  A line can hold one "key: value" only, but this one has a second colon followed by a blank. The line could be read in more than one way, so nothing in this file is used. Put the whole value in quotes if the colon belongs to it, or start the inner mapping on a line of its own.',
    ],
    [
      'a key that is indented too deep',
      'a:\n  b: 1\n   c: 2\n',
      'a.yaml:2:6  This key has a value already, but the next line is indented as if it belonged to it. The line could be read in more than one way, so nothing in this file is used. Let all keys of a mapping start in the same column.',
    ],
    [
      'a list whose dashes are not aligned',
      'a:\n  - x\n - y\n',
      'a.yaml:3:1  This list entry is not aligned with the entries above it. The line could be read in more than one way, so nothing in this file is used. Let all dashes of a list start in the same column.',
    ],
    [
      'a brace that is not closed',
      'a: { b: 1, c: 2\nd: 3\n',
      'a.yaml:2:1  A closing "}" is missing before this place. Nothing in this file can be read before that is put right. Add the "}", or indent this line if it belongs inside the brackets.',
    ],
    [
      'a brace too many',
      'a: {b: 1}}\n',
      'a.yaml:1:10  "}" is not expected here. The line could be read in more than one way, so nothing in this file is used. Check the quotes, brackets and commas before it, or put the whole value in quotes.',
    ],
    [
      'a missing comma',
      'a: ["b: 1", "x" "c: 2"]\n',
      'a.yaml:1:17  A comma is missing between the entries in brackets. The line could be read in more than one way, so nothing in this file is used. Separate the entries with commas, and put texts that hold brackets or commas in quotes.',
    ],
    [
      'a value that starts with a reserved character',
      'match: `x`\n',
      'a.yaml:1:8  A text without quotes cannot start with "`". YAML reserves this character, so nothing in this file is used. Put the whole value in quotes.',
    ],
    [
      'a rule that starts with an exclamation mark',
      'match: !Path(`/x`)\n',
      'a.yaml:1:8  "!Path(" reads as a YAML tag. A tag changes how the value behind it is read, and this one has no meaning here. Put the whole value in quotes if a text is meant, or remove the tag.',
    ],
    [
      'a tag that only other programs know',
      'a: !!binary aGk=\n',
      'a.yaml:1:4  "!!binary" reads as a YAML tag. A tag changes how the value behind it is read, and this one has no meaning here. Put the whole value in quotes if a text is meant, or remove the tag.',
    ],
    [
      'an alias of nothing',
      'allow: *.example\n',
      `a.yaml:1:8  allow: "*.example" reads as a YAML alias, but nothing above is marked "&.example". The value would be empty. Put the value in quotes if a text is meant: '*.example'.`,
    ],
    [
      'an alias inside its own anchor',
      'a: &x [*x]\n',
      `a.yaml:1:8  a[0]: "*x" reads as a YAML alias, but nothing above is marked "&x". The value would be empty. Put the value in quotes if a text is meant: '*x'.`,
    ],
    [
      'a merge key',
      'a: &x {b: 1}\nc:\n  <<: *x\n',
      'a.yaml:3:3  c["<<"]: Merge keys ("<<") are not part of YAML 1.2. The keys of the other mapping would not be taken over. Write the keys out.',
    ],
    [
      'a key that would replace the prototype',
      'a:\n  __proto__: {b: 1}\n',
      'a.yaml:2:3  a.__proto__: "__proto__" cannot be a key. It would be ignored. Choose another name.',
    ],
    [
      'a key that is a list',
      '? [a]\n: b\n',
      'a.yaml:1:3  A key must be a word, but this one is a list, a mapping, an alias or empty. The gateway could not tell which setting is meant. Write "key: value" with a word as the key.',
    ],
    [
      'a second document',
      'a: 1\n---\nb: 2\n',
      'a.yaml:2:1  A second document starts here. Everything from here on would be ignored. Remove the "---" or "..." line, or move what follows to a file of its own.',
    ],
    [
      'an escape that does not exist',
      'a: "\\d+"\n',
      'a.yaml:1:5  "\\d" means nothing inside double quotes. The text could be read in another way than it looks. Use single quotes, where a backslash is just a backslash, or write it twice.',
    ],
    [
      'a colon without a blank',
      'zone:a\nmatch: b\n',
      'a.yaml:1:1  "zone:a" has no blank after the colon. It would be read as one word instead of a key and a value. Write "zone: a".',
    ],
    [
      'a line without a colon',
      'a: 1\nzone\n',
      'a.yaml:2:1  "zone" is not a key with a value. The line could be read in more than one way, so nothing in this file is used. Write "key: value", or indent the line if it continues the text above.',
    ],
    [
      'a placeholder without quotes inside brackets',
      'a: {b: ${env:X}}\n',
      'a.yaml:1:8  The placeholder ${env:X} is not in quotes. Inside brackets its brace opens a mapping, so nothing in this file is used. Write "${env:X}", quotes included.',
    ],
    [
      'a text that is not indented',
      'a: >\n\tb\n',
      'a.yaml:2:1  The text after "|" or ">" is not indented. Nothing in this file can be read before that is put right. Indent the lines of the text with blanks, deeper than the key.',
    ],
    [
      'an empty file',
      '# nothing yet\n',
      'a.yaml:1:1  The file is empty. A file that was cut off while it was written would look the same, and every setting in it would be lost. Write at least one key, or remove the file.',
    ],
  ];
  it.each(cases)('%s', (_title, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('and so is every other mistake of the file, at once', () => {
    const text = 'a: [1, 2\nb: @x\nc: "\\q"\nd: !x y\n';
    expect(problemsOf(text).map((problem) => problem.split('  ')[0])).toEqual([
      'a.yaml:2:1',
      'a.yaml:3:5',
      'a.yaml:4:4',
    ]);
  });
});

describe('a file that is built to exhaust the reader', () => {
  it('is refused when its aliases multiply', () => {
    let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n';
    for (let i = 1; i < 30; i++)
      text += `a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]\n`;
    expect(problemsOf(text)).toEqual([
      'a.yaml:4:45  a3[7]: The aliases of this file stand for more than 10000 values. Reading it could take all memory. Write the values out, or use fewer aliases.',
    ]);
  });

  it('is refused when it nests without end', () => {
    const found = problemsOf('['.repeat(5000));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(
      /^a\.yaml:1:\d+ {2}Brackets or lines are nested too deep to be read\. Nothing in this file can be read before that is put right\. Check the brackets and the indentation above this line\.$/,
    );
    expect(problemsOf(`a: ${'['.repeat(70)}${']'.repeat(70)}`)).toHaveLength(1);
  });
});
