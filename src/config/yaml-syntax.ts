import type { YAMLError } from 'yaml';
import type { Complaint } from './problems.ts';

/** Where a quoted scalar starts and ends, as character offsets. */
export interface QuotedScalar {
  start: number;
  end: number;
}

export interface SyntaxContext {
  text: string;
  lineOf(offset: number): number;
  quotedScalars: readonly QuotedScalar[];
}

export interface ExplainedSyntaxError {
  /** Where the reader should look, which is not always where the parser stumbled. */
  offset: number;
  complaint: Complaint;
}

const unreadable = 'Nothing in this file can be read before that is put right.';
const guessed = 'The line could be read in more than one way, so nothing in this file is used.';

/** Turns what the YAML parser complains about into what the author of the file did. */
export function explainSyntaxError(error: YAMLError, context: SyntaxContext): ExplainedSyntaxError {
  const offset = error.pos[0];
  const { text } = context;
  const mistake = knownMistake(offset, context);
  if (mistake !== undefined && error.code !== 'TAB_AS_INDENT') return mistake;

  const at = (what: string, consequence: string, fix: string): ExplainedSyntaxError => ({
    offset,
    complaint: { what, consequence, fix },
  });
  const line = lineTextAt(text, offset);
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return at(
        'A tab is used for indentation.',
        'YAML allows only blanks there, because a tab has no fixed width.',
        'Replace the tab with blanks.',
      );
    case 'TAG_RESOLVE_FAILED':
    case 'MULTIPLE_TAGS':
      return at(
        `"${text.slice(...error.pos).trim()}" reads as a YAML tag.`,
        'A tag changes how the value behind it is read, and this one has no meaning here.',
        'Put the whole value in quotes if a text is meant, or remove the tag.',
      );
    case 'BAD_SCALAR_START':
      return at(
        `A text without quotes cannot start with "${text[offset] ?? ''}".`,
        'YAML reserves this character, so nothing in this file is used.',
        'Put the whole value in quotes.',
      );
    case 'BAD_DQ_ESCAPE':
      return at(
        `"${/\\.?/.exec(text.slice(offset, offset + 200))?.[0] ?? '\\'}" means nothing inside double quotes.`,
        'The text could be read in another way than it looks.',
        'Use single quotes, where a backslash is just a backslash, or write it twice.',
      );
    case 'MULTIPLE_DOCS':
      return at(
        'A second document starts here.',
        'Everything from here on would be ignored.',
        'Remove the "---" or "..." line, or move what follows to a file of its own.',
      );
    case 'BLOCK_AS_IMPLICIT_KEY':
      return explainNestedBlock(error.message, line, at);
    case 'MULTILINE_IMPLICIT_KEY':
    case 'KEY_OVER_1024_CHARS':
      return explainKeyWithoutColon(line, at);
    case 'BAD_INDENT':
      return explainIndentation(error.message, at);
    case 'MISSING_CHAR':
      return explainMissingCharacter(error.message, line, at);
    case 'UNEXPECTED_TOKEN':
      return at(
        `"${excerpt(text.slice(offset).split('\n', 1)[0] ?? '')}" is not expected here.`,
        guessed,
        'Check the quotes, brackets and commas before it, or put the whole value in quotes.',
      );
    case 'RESOURCE_EXHAUSTION':
      return at(
        'Brackets or lines are nested too deep to be read.',
        unreadable,
        'Check the brackets and the indentation above this line.',
      );
    case 'ALIAS_PROPS':
    case 'BAD_ALIAS':
    case 'BAD_PROP_ORDER':
    case 'MULTIPLE_ANCHORS':
      return at(
        'An anchor or alias ("&" or "*") is not written as YAML asks.',
        guessed,
        'Put the whole value in quotes if a text is meant.',
      );
    case 'BAD_COLLECTION_TYPE':
    case 'BAD_DIRECTIVE':
    case 'BLOCK_IN_FLOW':
    case 'DUPLICATE_KEY':
    case 'IMPOSSIBLE':
    case 'NON_STRING_KEY':
      break;
  }
  return at(`This is not valid YAML: ${error.message}.`, unreadable, 'Correct the line as YAML 1.2 asks.');
}

type At = (what: string, consequence: string, fix: string) => ExplainedSyntaxError;

/** Mistakes that the parser notices late or calls by another name. */
function knownMistake(offset: number, context: SyntaxContext): ExplainedSyntaxError | undefined {
  const { text, quotedScalars } = context;
  // `${` inside a flow list or mapping: the brace opens a mapping.
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const placeholder = /\$\{(?:file|env):[^}\s]*\}/.exec(lineTextAt(text, offset));
  if (placeholder !== null && offset === lineStart + placeholder.index + 1) {
    return {
      offset: offset - 1,
      complaint: {
        what: `The placeholder ${placeholder[0]} is not in quotes.`,
        consequence: 'Inside brackets its brace opens a mapping, so nothing in this file is used.',
        fix: `Write "${placeholder[0]}", quotes included.`,
      },
    };
  }
  // A quote that is not closed swallows what follows, up to the next quote or to the end of the file.
  const scalar = quotedScalars.findLast(({ start, end }) => start < offset && end <= offset + 1);
  if (scalar === undefined || text.slice(scalar.end, offset).trim() !== '') return undefined;
  const firstLine = context.lineOf(scalar.start);
  const lastLine = context.lineOf(scalar.end - 1);
  const quote = text[scalar.start] ?? '"';
  const closed = scalar.end - scalar.start > 1 && text[scalar.end - 1] === quote;
  if (closed && firstLine === lastLine) return undefined;
  return {
    offset: scalar.start,
    complaint: {
      what: closed
        ? `The quote that opens here is closed only on line ${lastLine}, in the middle of something else.`
        : 'The quote that opens here is never closed.',
      consequence: 'Everything behind it would be part of this text.',
      fix: `Write the closing ${quote} at the end of the text.`,
    },
  };
}

function explainNestedBlock(message: string, line: string, at: At): ExplainedSyntaxError {
  if (message.includes('sequence'))
    return at(
      'This list entry is not aligned with the entries above it.',
      guessed,
      'Let all dashes of a list start in the same column.',
    );
  if ((line.match(/:(?=\s)/g)?.length ?? 0) > 1)
    return at(
      'A line can hold one "key: value" only, but this one has a second colon followed by a blank.',
      guessed,
      'Put the whole value in quotes if the colon belongs to it, or start the inner mapping on a line of its own.',
    );
  return at(
    'This key has a value already, but the next line is indented as if it belonged to it.',
    guessed,
    'Let all keys of a mapping start in the same column.',
  );
}

function explainKeyWithoutColon(line: string, at: At): ExplainedSyntaxError {
  const tight = /^\s*(?:- )?([\w.-]+):(\S.*)$/.exec(line);
  if (tight?.[1] !== undefined)
    return at(
      `"${excerpt(line.trim())}" has no blank after the colon.`,
      'It would be read as one word instead of a key and a value.',
      `Write "${tight[1]}: ${excerpt(tight[2] ?? '')}".`,
    );
  return at(
    `"${excerpt(line.trim())}" is not a key with a value.`,
    guessed,
    'Write "key: value", or indent the line if it continues the text above.',
  );
}

function explainIndentation(message: string, at: At): ExplainedSyntaxError {
  const bracket = /end with a ([}\]])/.exec(message)?.[1];
  if (bracket !== undefined)
    return at(
      `A closing "${bracket}" is missing before this place.`,
      unreadable,
      `Add the "${bracket}", or indent this line if it belongs inside the brackets.`,
    );
  if (message.includes('Block scalar'))
    return at(
      'The text after "|" or ">" is not indented.',
      unreadable,
      'Indent the lines of the text with blanks, deeper than the key.',
    );
  return at(
    'The entries of this list or mapping do not start in the same column.',
    guessed,
    'Indent all of them alike.',
  );
}

function explainMissingCharacter(message: string, line: string, at: At): ExplainedSyntaxError {
  if (message.includes('map values')) return explainKeyWithoutColon(line, at);
  if (message.startsWith('Missing ,'))
    return at(
      'A comma is missing between the entries in brackets.',
      guessed,
      'Separate the entries with commas, and put texts that hold brackets or commas in quotes.',
    );
  if (message.includes('- indicator'))
    return at(
      'This line stands among list entries but has no dash.',
      guessed,
      'Start the line with "- ", or indent it if it belongs to the entry above.',
    );
  if (message.startsWith('Comments'))
    return at('A comment needs a blank before its "#".', guessed, 'Write a blank before the "#".');
  return at(`This is not valid YAML: ${message}.`, unreadable, 'Correct the line as YAML 1.2 asks.');
}

function lineTextAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
}

function excerpt(line: string): string {
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}
