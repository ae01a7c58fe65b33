// hot path: HostRegexp, PathRegexp, HeaderRegexp and QueryRegexp run on what the client sent.
import { RE2JS } from 're2js';

/**
 * Why RE2 and not `RegExp`: V8 backtracks, so a client could keep the gateway busy with one path (`^(a+)+$`), and this runs
 * before any address guard. RE2 reads every character once, and its syntax is what operators bring from Traefik (Go).
 */
export interface LinearRegexp {
  readonly source: string;
  readonly compiled: RE2JS;
}

/** Reads an expression in RE2 syntax; what it has not (lookaround, backreferences) is a problem. */
export function compileRegexp(source: string): LinearRegexp | { problem: string } {
  if (/\{[A-Za-z_]\w*[:}]/.test(source)) {
    return { problem: 'captures in braces are syntax of Traefik v2 and would be matched as plain text' };
  }
  try {
    return { source, compiled: RE2JS.compile(source) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { problem: message.replace(/^error parsing regexp: /, '') };
  }
}

/** Whether a part of the text matches. */
export function testRegexp({ compiled }: LinearRegexp, text: string): boolean {
  return compiled.test(text);
}

/**
 * A text that matches, for example requests; undefined when none was guessed. It takes the first alternative of each choice
 * and each repeated part once, and keeps the guess only if it does match.
 */
export function sampleOfRegexp(regexp: LinearRegexp): string | undefined {
  const sample = guess(regexp.source);
  return testRegexp(regexp, sample) ? sample : undefined;
}

const innermostGroup = /\((?:\?(?:P?<\w+>|[a-zA-Z-]*:))?((?:[^()\\]|\\.)*)\)/;

function guess(source: string): string {
  let text = source.replace(/\(\?[a-zA-Z-]+\)/g, '');
  for (let group = innermostGroup.exec(text); group !== null; group = innermostGroup.exec(text)) {
    const [whole, inside = ''] = group;
    text = text.slice(0, group.index) + guessWithoutGroups(inside) + text.slice(group.index + whole.length);
  }
  return guessWithoutGroups(text).replaceAll(literal, '');
}

/** Stands before a character that is no syntax any more. */
const literal = '\ue000';
const token = /\ue000[^]|\\[^]|\[\^?\]?(?:[^\]\\]|\\.)*\]|\{(\d+)(?:,\d*)?\}|[^]/g;

function guessWithoutGroups(text: string): string {
  const parts: string[] = [];
  for (const [part, count] of text.matchAll(token)) {
    if (part === '|') break;
    if ('^$*+?'.includes(part)) continue;
    if (count === undefined) parts.push(part.startsWith(literal) ? part : literal + guessOne(part));
    else parts.push(...Array<string>(Math.min(Number(count), 64)).fill(parts.pop() ?? ''));
  }
  return parts.join('');
}

function guessOne(part: string): string {
  if (part === '.') return 'x';
  if (part.startsWith('[^')) return 'x';
  const member = part.length > 1 && part.startsWith('[') ? part.slice(1) : part;
  if (!member.startsWith('\\')) return member[0] ?? '';
  const escaped = member[1] ?? '';
  return { d: '0', w: 'a', s: ' ', D: 'x', W: '-', S: 'x' }[escaped] ?? escaped;
}
