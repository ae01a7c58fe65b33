import { parseHost } from '../core/host.ts';
import { formatIp } from '../core/ip.ts';
import { canonicalPath } from '../core/path.ts';
import { intersectHosts } from './host-pattern.ts';
import type { HostPattern } from './host-pattern.ts';
import { holdAll } from './predicate.ts';
import type { Literal, Predicate, ZoneFacts } from './predicate.ts';
import { sampleOfRegexp } from './regexp.ts';

const tenants = ['acme', 'beta', 'gamma'];
const methods = ['GET', 'POST', 'PUT', 'DELETE'];
const certificate = 'example';

/**
 * Requests that meet all literals, built from the literals themselves. Empty when none was found, which does not prove that
 * there is none: a regular expression or a negation may be too hard to satisfy by guessing.
 */
export function* exampleRequests(literals: readonly Literal[]): Generator<ZoneFacts> {
  const wanted = literals.filter((literal) => !literal.negated).map((literal) => literal.predicate);
  const refused = literals.filter((literal) => literal.negated).map((literal) => literal.predicate);
  const fields = fieldsFor(wanted);
  const query = queryFor(wanted);
  for (const host of hostsFor(wanted)) {
    for (const path of pathsFor(wanted)) {
      const odoo = odooCallOf(path);
      for (const method of methodsFor(wanted, odoo !== undefined)) {
        for (const clientAddress of addressesFor(wanted, refused)) {
          const facts: ZoneFacts = {
            host,
            path,
            method,
            query,
            fields,
            clientAddress,
            clientCertificate: wanted.some((one) => one.kind === 'clientCert') ? certificate : undefined,
            listener: listenerFor(wanted, refused),
            odoo,
          };
          if (holdAll(literals, facts)) yield facts;
        }
      }
    }
  }
}

/** An example as a user can type it; conditions beyond method and URL are named only where the literals ask for them. */
export function printExample(facts: ZoneFacts, literals: readonly Literal[]): string {
  const query = facts.query === undefined ? '' : `?${facts.query}`;
  const parts = [`${facts.method} https://${facts.host}${facts.path}${query}`];
  const conditions: string[] = [];
  for (let i = 0; i < facts.fields.length; i += 2)
    conditions.push(`${facts.fields[i]}: ${facts.fields[i + 1]}`);
  if (facts.clientCertificate !== undefined) conditions.push('a client certificate');
  if (conditions.length > 0) parts.push(`with ${conditions.join(' and ')}`);
  const kinds = new Set(literals.map(({ predicate }) => predicate.kind));
  if (kinds.has('clientIp')) parts.push(`from ${facts.clientAddress}`);
  if (kinds.has('listener')) parts.push(`on listener ${facts.listener}`);
  return parts.join(' ');
}

function hostsFor(wanted: readonly Predicate[]): string[] {
  let hosts: string[] | undefined;
  let pattern: HostPattern | undefined;
  for (const predicate of wanted) {
    if (predicate.kind !== 'host') continue;
    const next = intersectHosts(pattern ?? predicate.pattern, predicate.pattern, tenants);
    hosts = hosts === undefined ? next : [...next, ...hosts];
    pattern ??= predicate.pattern;
  }
  for (const predicate of wanted) {
    if (hosts !== undefined || predicate.kind !== 'hostRegexp') continue;
    const sample = sampleOfRegexp(predicate.regexp) ?? '';
    hosts = [sample, `a${sample}`, `${sample}a`, `www.${sample}`].filter(
      (host) => parseHost(host)?.host === host,
    );
  }
  return hosts ?? ['erp.example', 'shop.example'];
}

function pathsFor(wanted: readonly Predicate[]): string[] {
  let prefix: string | undefined;
  let sample: string | undefined;
  let model: string | undefined;
  let method: string | undefined;
  for (const predicate of wanted) {
    if (predicate.kind === 'path') return [predicate.path];
    if (predicate.kind === 'pathPrefix' && predicate.prefix.length > (prefix ?? '').length)
      prefix = predicate.prefix;
    if (predicate.kind === 'pathRegexp') sample = sampleOfRegexp(predicate.regexp);
    // The narrower of two families is the longer one.
    if (predicate.kind === 'odooModel') model = longer(model, openName(predicate.pattern));
    if (predicate.kind === 'odooMethod') method = longer(method, openName(predicate.pattern));
  }
  const paths: string[] = [];
  if (model !== undefined || method !== undefined) paths.push(...callPaths(model, method, prefix));
  if (sample !== undefined) paths.push(sample, `/${sample}`, `${prefix ?? '/'}${sample}`);
  const start = prefix ?? '/';
  paths.push(start, start.endsWith('/') ? `${start}x` : `${start}/x`, `${start}x`);
  return paths.filter((path) => canonicalPath(path) === path);
}

/** Paths of Odoo calls with these names, and with names that a prefix within the calls has begun. */
function callPaths(
  model: string | undefined,
  method: string | undefined,
  prefix: string | undefined,
): string[] {
  const begun = prefix?.startsWith('/json/2/') === true ? prefix.slice('/json/2/'.length).split('/') : [];
  const models = [model, begun[0], begun[0] && `${begun[0]}x`, 'res.partner'].filter(Boolean);
  const names = [method, begun[1], begun[1] && `${begun[1]}x`, 'read'].filter(Boolean);
  return models.flatMap((first) => names.map((second) => `/json/2/${first}/${second}`));
}

/** A name of the family: `sale.*` becomes `sale.x`. */
function openName(pattern: { start: string; open: boolean }): string {
  return pattern.open ? `${pattern.start}x` : pattern.start;
}

function longer(a: string | undefined, b: string): string {
  return a !== undefined && a.length > b.length ? a : b;
}

/** The call that a JSON-2 path names; an example must not pretend another one. */
function odooCallOf(path: string): ZoneFacts['odoo'] {
  const [, model, method] = /^\/json\/2\/([A-Za-z0-9_.]+)\/(\w+)$/.exec(path) ?? [];
  return model === undefined || method === undefined ? undefined : { protocol: 'json-2', model, method };
}

function methodsFor(wanted: readonly Predicate[], isCall: boolean): readonly string[] {
  for (const predicate of wanted) if (predicate.kind === 'method') return [predicate.method];
  return isCall ? ['POST', ...methods] : methods;
}

function fieldsFor(wanted: readonly Predicate[]): string[] {
  const fields: string[] = [];
  for (const predicate of wanted) {
    if (predicate.kind === 'header') addPair(fields, predicate.name, predicate.value);
    if (predicate.kind === 'headerRegexp')
      addPair(fields, predicate.name, sampleOfRegexp(predicate.regexp) ?? '');
  }
  return fields;
}

function addPair(pairs: string[], name: string, value: string): void {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name && pairs[i + 1] === value) return;
  pairs.push(name, value);
}

function queryFor(wanted: readonly Predicate[]): string | undefined {
  const pairs: string[] = [];
  for (const predicate of wanted) {
    if (predicate.kind === 'query') addPair(pairs, predicate.key, predicate.value);
    if (predicate.kind === 'queryRegexp')
      addPair(pairs, predicate.key, sampleOfRegexp(predicate.regexp) ?? '');
  }
  if (pairs.length === 0) return undefined;
  let query = '';
  for (let i = 0; i < pairs.length; i += 2) {
    const value = pairs[i + 1] ?? '';
    query += `${query === '' ? '' : '&'}${encodeURIComponent(pairs[i] ?? '')}${value === '' ? '' : `=${encodeURIComponent(value)}`}`;
  }
  return query;
}

function addressesFor(wanted: readonly Predicate[], refused: readonly Predicate[]): string[] {
  let narrowest: Extract<Predicate, { kind: 'clientIp' }>['cidrs'][0] | undefined;
  for (const predicate of wanted) {
    if (predicate.kind === 'clientIp' && predicate.cidrs[0].prefixBits >= (narrowest?.prefixBits ?? 0))
      [narrowest] = predicate.cidrs;
  }
  if (narrowest === undefined)
    return refused.some((one) => one.kind === 'clientIp')
      ? ['192.0.2.1', '10.0.0.1', '2001:db8::1']
      : ['192.0.2.1'];
  const { family, words, prefixBits } = narrowest;
  const last = words.length - 1;
  const width = family === 4 ? 32 : 128;
  if (prefixBits >= width - 1) return [formatIp({ family, words })];
  const addresses = [formatIp({ family, words: words.with(last, ((words[last] ?? 0) | 1) >>> 0) })];
  // The far end of the range, for a rule that excludes a part of it.
  addresses.push(
    formatIp({
      family,
      words: words.map((word, i) => {
        const hostBits = Math.min(32, Math.max(0, (i + 1) * 32 - prefixBits));
        return hostBits === 32 ? 0xfffffffe : (word | (2 ** hostBits - 1)) >>> 0;
      }),
    }),
  );
  return addresses;
}

function listenerFor(wanted: readonly Predicate[], refused: readonly Predicate[]): string {
  for (const predicate of wanted) if (predicate.kind === 'listener') return predicate.name;
  return (
    ['public', 'internal'].find(
      (name) => !refused.some((one) => one.kind === 'listener' && one.name === name),
    ) ?? 'other'
  );
}
