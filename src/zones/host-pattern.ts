// hot path: tenantOfHost runs for every request to a host that is under a capture.

import { parseHost } from '../core/host.ts';
import { nearestName } from '../core/nearest-name.ts';

/** What a `Host` literal accepts: one host, or all hosts `before + tenant + after` with the tenant within one label. */
export type HostPattern =
  | { kind: 'exact'; host: string }
  | { kind: 'capture'; before: string; after: string };

export type HostPatternResult = { pattern: HostPattern } | { problem: string; fix: string };

const capture = '{tenant}';

/** Reads a `Host` literal; it must be written as the gateway sees hosts: lower case, no port, no trailing dot. */
export function parseHostPattern(text: string): HostPatternResult {
  const named = /\{[^}]*\}?/.exec(text);
  if (named === null) return readExact(text);
  if (named[0] !== capture)
    return {
      problem: `"${text}" has a capture ${named[0]} that does not exist.`,
      fix: nearestName(named[0], [capture])
        ? `Did you mean ${capture}?`
        : `Write ${capture} for the label, or the part of a label, that names the tenant.`,
    };
  const before = text.slice(0, named.index);
  const after = text.slice(named.index + capture.length);
  if (after.includes('{'))
    return { problem: `"${text}" names the tenant twice.`, fix: `Write ${capture} once.` };
  const example = readExact(`${before}x${after}`);
  if ('problem' in example)
    return {
      problem: `"${text}" is not a host as requests name it.`,
      fix: 'Write lower-case labels without port, trailing dot or wildcard around it, as in {tenant}.erp.example.',
    };
  return { pattern: { kind: 'capture', before, after } };
}

export function printHostPattern(pattern: HostPattern): string {
  return pattern.kind === 'exact' ? pattern.host : `${pattern.before}${capture}${pattern.after}`;
}

/** The tenant that a captured host names; undefined when the pattern does not match. */
export function tenantOfHost(before: string, after: string, host: string): string | undefined {
  const end = host.length - after.length;
  if (end <= before.length || !host.startsWith(before) || !host.endsWith(after)) return undefined;
  return isTenantText(host, before.length, end) ? host.slice(before.length, end) : undefined;
}

export function matchesHost(pattern: HostPattern, host: string): boolean {
  if (pattern.kind === 'exact') return pattern.host === host;
  return tenantOfHost(pattern.before, pattern.after, host) !== undefined;
}

/** Whether a part of a host is `[a-z0-9-]+`. */
export function isTenantText(host: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = host.charCodeAt(i);
    if (!((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d)) return false;
  }
  return end > start;
}

/**
 * Hosts that two patterns both match, one for each sample tenant; empty when there is none. Exact, because a capture stays
 * within one label: label by label, the longer text on either side of a capture must fit the other pattern.
 */
export function intersectHosts(a: HostPattern, b: HostPattern, tenants: readonly string[]): string[] {
  if (a.kind === 'exact') return matchesHost(b, a.host) ? [a.host] : [];
  if (b.kind === 'exact') return matchesHost(a, b.host) ? [b.host] : [];
  const aLabels = printHostPattern(a).split('.');
  const bLabels = printHostPattern(b).split('.');
  if (aLabels.length !== bLabels.length) return [];
  const hosts: string[] = [];
  for (const tenant of tenants) {
    const labels = aLabels.map((label, i) => intersectLabels(label, bLabels[i] ?? '', tenant));
    const host = labels.join('.');
    if (matchesHost(a, host) && matchesHost(b, host) && !hosts.includes(host)) hosts.push(host);
  }
  return hosts;
}

function intersectLabels(a: string, b: string, tenant: string): string {
  const [aHead, aTail] = a.split(capture);
  const [bHead, bTail] = b.split(capture);
  if (aTail === undefined) return a;
  if (bTail === undefined) return b;
  const head = longer(aHead ?? '', bHead ?? '');
  return `${head}${tenant}${longer(aTail, bTail)}`;
}

function longer(a: string, b: string): string {
  return a.length >= b.length ? a : b;
}

function readExact(text: string): HostPatternResult {
  const parsed = parseHost(text);
  if (parsed === undefined)
    return {
      problem: `"${text}" is not a host name.`,
      fix: text.includes('*')
        ? 'Write {tenant} in place of a wildcard for the tenant, or use HostRegexp.'
        : 'Write a name such as shop.example, made of letters, digits, dashes, underscores and dots.',
    };
  if (parsed.host !== text)
    return {
      problem: `"${text}" is not written as requests name the host: lower case, without port and trailing dot.`,
      fix: `Write ${parsed.host}${parsed.port === undefined ? '' : ', and tell ports apart with Listener'}.`,
    };
  return { pattern: { kind: 'exact', host: text } };
}
