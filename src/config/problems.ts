import type { ConfigPath, Issue } from '../core/issue.ts';
import type { Position } from './positions.ts';
import type { ResolvedDocument } from './secrets.ts';

/** One thing that is wrong with the configuration: where, what, what would happen, what to write instead. */
export interface Problem {
  /** Relative to the configuration directory. */
  file: string;
  /** Both count from 1; a column is a UTF-16 code unit, as editors count. */
  line: number;
  column: number;
  /** Dotted, e.g. `limits[0].rate`; empty for the file as a whole. */
  path: string;
  what: string;
  consequence: string;
  fix: string;
}

/** The three sentences of a problem. */
export interface Complaint {
  what: string;
  consequence: string;
  fix: string;
}

/** A problem of `file` at `position`; its text is one line, whatever the offending value holds. */
export function createProblem(
  file: string,
  position: Position,
  path: ConfigPath,
  complaint: Complaint,
): Problem {
  return {
    file,
    line: position.line,
    column: position.column,
    path: showControls(formatPath(path)),
    what: showControls(complaint.what),
    consequence: showControls(complaint.consequence),
    fix: showControls(complaint.fix),
  };
}

/** Gives a feature's issue its place; a value that came from a placeholder is shown as its placeholder. */
export function problemFromIssue(document: ResolvedDocument, issue: Issue): Problem {
  const { file, secrets } = document;
  const offset =
    issue.offset === undefined ? undefined : secrets.authoredOffset(file, issue.path, issue.offset);
  return createProblem(file, document.locate(issue.path, offset), issue.path, {
    what: secrets.redactSubject(file, issue.path, issue.what),
    consequence: secrets.redact(file, issue.path, issue.consequence),
    fix: secrets.redact(file, issue.path, issue.fix),
  });
}

/** Sorted by file, line and column, each problem once. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const sorted = [...problems].toSorted(
    (a, b) =>
      compareTexts(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compareTexts(a.path, b.path) ||
      compareTexts(a.what, b.what),
  );
  return sorted.filter((problem, i) => {
    const before = sorted[i - 1];
    return before === undefined || renderProblem(before) !== renderProblem(problem);
  });
}

/** `zones/partner.yaml:14:11  limits[0].rate: "50" is not a rate. Without … Write "50/s".` */
export function renderProblem(problem: Problem): string {
  const { file, line, column, path, what, consequence, fix } = problem;
  const subject = path === '' ? '' : `${path}: `;
  return `${file}:${line}:${column}  ${subject}${[what, consequence, fix].filter((part) => part !== '').join(' ')}`;
}

/** All problems, sorted, one per line, and a last line that counts them. */
export function renderProblems(problems: readonly Problem[]): string {
  const sorted = sortProblems(problems);
  const files = new Set(sorted.map((problem) => problem.file)).size;
  const count = `${sorted.length} ${sorted.length === 1 ? 'problem' : 'problems'}`;
  const lines = sorted.map((problem) => renderProblem(problem));
  return [...lines, `${count} in ${files} ${files === 1 ? 'file' : 'files'}`].join('\n');
}

/** `["limits", 0, "rate"]` as `limits[0].rate`; a key that is not a word is quoted: `hosts["a.b"]`. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (/^[\w-]+$/.test(segment)) text += text === '' ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment)}]`;
  }
  return text;
}

/**
 * Problems are printed to terminals and logs: a value must neither break the line nor smuggle in escape sequences, nor turn
 * the reading direction (U+202A to U+202E, U+2066 to U+2069).
 */
function showControls(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- control characters are what it is about
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) =>
      character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
