import { LineCounter, isScalar, parseDocument, visit } from 'yaml';
import type { Document } from 'yaml';
import { createPositions } from './positions.ts';
import type { PositionedDocument } from './positions.ts';
import { createProblem } from './problems.ts';
import type { Complaint, Problem } from './problems.ts';
import { explainSyntaxError } from './yaml-syntax.ts';
import type { QuotedScalar } from './yaml-syntax.ts';
import { buildPlainValue } from './yaml-value.ts';

export interface ReadFile {
  /**
   * Plain lists, mappings and scalars; undefined when the syntax is broken, so that nothing is validated that is not there.
   * A value with problems of other kinds (a repeated key, an unknown tag) can still be validated.
   */
  value: unknown;
  document: PositionedDocument;
  /** Everything that is wrong with the file as YAML, all at once. */
  problems: Problem[];
}

/**
 * Reads one configuration file as YAML 1.2 (core schema: `yes`, `on` and dates are texts). No merge keys, no custom tags, no
 * second document, each key once. Never throws.
 */
export function readYaml(file: string, text: string): ReadFile {
  const lines = new LineCounter();
  const parsed = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    // Checked by buildPlainValue, in linear time and with the line of the first one.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
  });
  const problems: Problem[] = [];
  const report = (offset: number, path: readonly (string | number)[], complaint: Complaint): void => {
    const { line, col } = lines.linePos(offset);
    problems.push(
      createProblem(file, { line: Math.max(line, 1), column: Math.max(col, 1) }, path, complaint),
    );
  };

  reportSyntax(parsed, text, lines, report);
  const broken = parsed.errors.length > 0;
  const empty =
    !broken && (parsed.contents === null || (isScalar(parsed.contents) && parsed.contents.value === null));
  if (empty) {
    report(0, [], {
      what: 'The file is empty.',
      consequence:
        'A file that was cut off while it was written would look the same, and every setting in it would be lost.',
      fix: 'Write at least one key, or remove the file.',
    });
  }
  const plain =
    broken || empty
      ? { value: undefined, aliasTargets: new Map() }
      : buildPlainValue(parsed.contents, report, (offset) => lines.linePos(offset).line);
  const document = createPositions({
    file,
    text,
    value: plain.value,
    contents: parsed.contents ?? undefined,
    aliasTargets: plain.aliasTargets,
    lines,
  });
  return { value: plain.value, document, problems };
}

/** One mistake often makes the parser stumble several times: of each line only the first complaint is kept. */
function reportSyntax(
  parsed: Document.Parsed,
  text: string,
  lines: LineCounter,
  report: (offset: number, path: readonly (string | number)[], complaint: Complaint) => void,
): void {
  const found = [...parsed.errors, ...parsed.warnings];
  if (found.length === 0) return;
  const quotedScalars: QuotedScalar[] = [];
  visit(parsed, {
    Scalar(_key, node) {
      if ((node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') && node.range)
        quotedScalars.push({ start: node.range[0], end: node.range[1] });
    },
  });
  const context = { text, lineOf: (offset: number) => lines.linePos(offset).line, quotedScalars };
  const explained = found
    .map((error) => explainSyntaxError(error, context))
    .toSorted((a, b) => a.offset - b.offset);
  let lastLine = 0;
  for (const { offset, complaint } of explained) {
    const line = context.lineOf(offset);
    if (line === lastLine) continue;
    lastLine = line;
    report(offset, [], complaint);
  }
}
