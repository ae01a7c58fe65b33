import { nearestName } from '../core/nearest-name.ts';

/** What a target below `/limits` asks for. */
export interface LimitTarget {
  /** Without a limit: the list of limits, or of those who were refused. */
  view: 'limits' | 'refused' | 'budget';
  /** Name of the budget, of `view: 'budget'`. */
  limit: string;
  /** The last word of the path, where it is one. */
  action: 'reset' | 'grant' | undefined;
  parameters: ReadonlyMap<string, string>;
}

/** Whether a target is one of these. */
export function isLimitTarget(target: string): boolean {
  return /^\/limits(?:[/?]|$)/.test(target);
}

/** Reads a target; undefined when it cannot be decoded or says one thing twice. */
export function readLimitTarget(target: string): LimitTarget | undefined {
  const mark = target.indexOf('?');
  const path = decode((mark === -1 ? target : target.slice(0, mark)).slice('/limits'.length));
  const parameters = readQuery(mark === -1 ? '' : target.slice(mark + 1));
  if (path === undefined || parameters === undefined) return undefined;
  if (path === '') return { view: 'limits', limit: '', action: undefined, parameters };
  if (path === '/refused') return { view: 'refused', limit: '', action: undefined, parameters };
  const [, limit = '', action] = /^\/(.*?)(?:\/(reset|grant))?$/s.exec(path) ?? [];
  return { view: 'budget', limit, action: action as LimitTarget['action'], parameters };
}

/** Says what is wrong with a query that has a parameter which is not one of these: a misspelt one must not be missed. */
export function findUnknownParameter(
  parameters: ReadonlyMap<string, string>,
  known: readonly string[],
): { title: string; detail: string } | undefined {
  for (const name of parameters.keys()) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const names = known.length === 0 ? 'There is none here.' : `There is ${known.join(' and ')}.`;
    return {
      title: `There is no parameter "${name.slice(0, 40)}".`,
      detail: nearest === undefined ? names : `Did you mean ${nearest}?`,
    };
  }
  return undefined;
}

/** A whole number from 1 to `most`. */
export function readCount(text: string, most: number): number | undefined {
  const count = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN;
  return count <= most ? count : undefined;
}

function readQuery(query: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=');
    const name = equals === -1 ? pair : pair.slice(0, equals);
    // A plus is a plus: keys may hold one, and a blank is written %20.
    const value = decode(equals === -1 ? '' : pair.slice(equals + 1));
    if (value === undefined || parameters.has(name)) return undefined;
    parameters.set(name, value);
  }
  return parameters;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
