// hot path: holds() runs for every residual condition of every candidate zone.

import type { Facts, OdooCall } from '../core/facts.ts';
import { containsIp } from '../core/ip.ts';
import type { Cidr } from '../core/ip.ts';
import { matchesHost } from './host-pattern.ts';
import type { HostPattern } from './host-pattern.ts';
import { queryHas } from './query.ts';
import { testRegexp } from './regexp.ts';
import type { LinearRegexp } from './regexp.ts';

/** What a match rule can ask about. */
export type ZoneFacts = Pick<
  Facts,
  'host' | 'path' | 'method' | 'query' | 'fields' | 'clientAddress' | 'clientCertificate' | 'listener'
> & {
  /** Of a JSON-2 call, whose path tells it: a zone is chosen before a body is read. */
  odoo: Pick<OdooCall, 'protocol' | 'model' | 'method'> | undefined;
};

/** A checked matcher. `text` is its one spelling: predicates with equal text are equal. */
export type Predicate = { text: string } & (
  | { kind: 'host'; pattern: HostPattern }
  | { kind: 'hostRegexp'; regexp: LinearRegexp }
  | { kind: 'path'; path: string }
  /** A plain prefix of the text, as in Traefik: `/web` covers `/webhook` too; write `/web/` and `Path` for a subtree. */
  | { kind: 'pathPrefix'; prefix: string }
  | { kind: 'pathRegexp'; regexp: LinearRegexp }
  | { kind: 'method'; method: string }
  /** One of the fields with this lower-case name has exactly this value. */
  | { kind: 'header'; name: string; value: string }
  | { kind: 'headerRegexp'; name: string; regexp: LinearRegexp }
  /** One of the decoded values of this key is exactly this one; as in Traefik, `Query(key)` asks for an empty value. */
  | { kind: 'query'; key: string; value: string }
  | { kind: 'queryRegexp'; key: string; regexp: LinearRegexp }
  | { kind: 'clientIp'; cidrs: readonly [Cidr] }
  | { kind: 'clientCert' }
  | { kind: 'listener'; name: string }
  | { kind: 'odooModel'; pattern: OdooPattern }
  | { kind: 'odooMethod'; pattern: OdooPattern }
);

/** An Odoo name, or all names that start with `start`. */
export interface OdooPattern {
  start: string;
  open: boolean;
}

export interface Literal {
  predicate: Predicate;
  negated: boolean;
}

/** Whether a request meets a predicate. One that asks about an Odoo call never holds for a request without one. */
export function holds(predicate: Predicate, facts: ZoneFacts): boolean {
  switch (predicate.kind) {
    case 'host':
      return matchesHost(predicate.pattern, facts.host);
    case 'hostRegexp':
      return testRegexp(predicate.regexp, facts.host);
    case 'path':
      return facts.path === predicate.path;
    case 'pathPrefix':
      return facts.path.startsWith(predicate.prefix);
    case 'pathRegexp':
      return testRegexp(predicate.regexp, facts.path);
    case 'method':
      return facts.method === predicate.method;
    case 'header':
      return hasField(facts, predicate.name, predicate.value);
    case 'headerRegexp':
      return hasFieldLike(facts, predicate.name, predicate.regexp);
    case 'query':
      return queryHas(facts.query, predicate.key, predicate.value);
    case 'queryRegexp':
      return queryHas(facts.query, predicate.key, predicate.regexp);
    case 'clientIp':
      return containsIp(predicate.cidrs, facts.clientAddress);
    case 'clientCert':
      return facts.clientCertificate !== undefined;
    case 'listener':
      return facts.listener === predicate.name;
    case 'odooModel':
      return facts.odoo !== undefined && coversName(predicate.pattern, facts.odoo.model);
    case 'odooMethod':
      return facts.odoo !== undefined && coversName(predicate.pattern, facts.odoo.method);
  }
}

export function holdAll(literals: readonly Literal[], facts: ZoneFacts): boolean {
  for (let i = 0; i < literals.length; i++) {
    const literal = literals[i];
    if (literal !== undefined && holds(literal.predicate, facts) === literal.negated) return false;
  }
  return true;
}

/** The literal as authored. */
export function printLiteral(literal: Literal): string {
  return literal.negated ? `!${literal.predicate.text}` : literal.predicate.text;
}

export function coversName(pattern: OdooPattern, name: string): boolean {
  return pattern.open ? name.startsWith(pattern.start) : name === pattern.start;
}

function hasField(facts: ZoneFacts, name: string, value: string): boolean {
  const { fields } = facts;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === name && fields[i + 1] === value) return true;
  }
  return false;
}

function hasFieldLike(facts: ZoneFacts, name: string, regexp: LinearRegexp): boolean {
  const { fields } = facts;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === name && testRegexp(regexp, fields[i + 1] ?? '')) return true;
  }
  return false;
}
