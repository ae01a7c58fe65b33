// hot path: one map look-up for the host, and one for each place where a configured capture can stand.

import { ownText } from '../core/own-text.ts';
import { isTenantText } from './host-pattern.ts';
import type { HostPattern } from './host-pattern.ts';

/** Something per host: for exact hosts, for hosts with a captured tenant, and for every host. */
export interface HostIndex<Entry> {
  exact: Map<string, Entry>;
  /** Which labels, counted from the left, hold a capture in some pattern. */
  captureLabels: number[];
  /** By the text around the label that holds the capture. */
  captures: Map<string, LabelShapes<Entry>>;
  any: Entry | undefined;
  /** What was found for hosts that were asked for before. */
  recent: Map<string, Found<Entry>[]>;
}

interface Found<Entry> {
  entry: Entry;
  tenant: string | undefined;
}

const maxRecent = 1_024;

/** Patterns that differ only within the label of the capture. */
interface LabelShapes<Entry> {
  /** The capture is the whole label. */
  whole: Entry | undefined;
  /** By length of the text before and after the capture within the label: patterns of one shape are told apart by a look-up. */
  shapes: { headLength: number; tailLength: number; byText: Map<string, Entry> }[];
}

/** Receives what is found for a host; `tenant` is the captured text, undefined where nothing was captured. */
export interface HostVisitor<Entry> {
  visit(entry: Entry, tenant: string | undefined): void;
}

export function createHostIndex<Entry>(): HostIndex<Entry> {
  return { exact: new Map(), captureLabels: [], captures: new Map(), any: undefined, recent: new Map() };
}

/** The entry of a pattern (undefined stands for every host), made when there is none yet. */
export function growHostIndex<Entry>(
  index: HostIndex<Entry>,
  pattern: HostPattern | undefined,
  create: () => Entry,
): Entry {
  if (pattern === undefined) return (index.any ??= create());
  if (pattern.kind === 'exact') {
    const entry = index.exact.get(pattern.host) ?? create();
    index.exact.set(pattern.host, entry);
    return entry;
  }
  const labelStart = pattern.before.lastIndexOf('.') + 1;
  const dotAfter = pattern.after.indexOf('.');
  const head = pattern.before.slice(labelStart);
  const tail = dotAfter === -1 ? pattern.after : pattern.after.slice(0, dotAfter);
  const labelIndex = pattern.before.split('.').length - 1;
  if (!index.captureLabels.includes(labelIndex)) index.captureLabels.push(labelIndex);
  const around = textAround(
    pattern.before.slice(0, labelStart),
    dotAfter === -1 ? '' : pattern.after.slice(dotAfter),
  );
  const label = index.captures.get(around) ?? { whole: undefined, shapes: [] };
  index.captures.set(around, label);
  if (head === '' && tail === '') return (label.whole ??= create());
  let shape = label.shapes.find((one) => one.headLength === head.length && one.tailLength === tail.length);
  if (shape === undefined) {
    shape = { headLength: head.length, tailLength: tail.length, byText: new Map() };
    label.shapes.push(shape);
  }
  const entry = shape.byText.get(head + tail) ?? create();
  shape.byText.set(head + tail, entry);
  return entry;
}

/** Visits the entries of all patterns that match a host. */
export function visitHost<Entry>(index: HostIndex<Entry>, host: string, visitor: HostVisitor<Entry>): void {
  let found = index.recent.get(host);
  if (found === undefined) {
    found = findEntries(index, host);
    if (index.recent.size >= maxRecent) index.recent.clear();
    index.recent.set(ownText(host), found);
  }
  for (let i = 0; i < found.length; i++) {
    const one = found[i];
    if (one !== undefined) visitor.visit(one.entry, one.tenant);
  }
}

function findEntries<Entry>(index: HostIndex<Entry>, host: string): Found<Entry>[] {
  const found: Found<Entry>[] = [];
  walkHost(index, host, {
    visit: (entry, tenant) =>
      found.push({ entry, tenant: tenant === undefined ? undefined : ownText(tenant) }),
  });
  return found;
}

function walkHost<Entry>(index: HostIndex<Entry>, host: string, visitor: HostVisitor<Entry>): void {
  const exact = index.exact.get(host);
  if (exact !== undefined) visitor.visit(exact, undefined);
  for (let i = 0; i < index.captureLabels.length; i++) {
    let start = 0;
    for (let label = index.captureLabels[i] ?? 0; label > 0 && start !== -1; label--) {
      const dotAt = host.indexOf('.', start);
      start = dotAt === -1 ? -1 : dotAt + 1;
    }
    if (start === -1) continue;
    const dotAt = host.indexOf('.', start);
    const end = dotAt === -1 ? host.length : dotAt;
    const label = index.captures.get(textAround(host.slice(0, start), host.slice(end)));
    if (label !== undefined) visitLabel(label, host, start, end, visitor);
  }
  if (index.any !== undefined) visitor.visit(index.any, undefined);
}

function visitLabel<Entry>(
  label: LabelShapes<Entry>,
  host: string,
  start: number,
  end: number,
  visitor: HostVisitor<Entry>,
): void {
  if (label.whole !== undefined && isTenantText(host, start, end))
    visitor.visit(label.whole, host.slice(start, end));
  for (let i = 0; i < label.shapes.length; i++) {
    const shape = label.shapes[i];
    if (shape === undefined) continue;
    const tenantStart = start + shape.headLength;
    const tenantEnd = end - shape.tailLength;
    if (tenantEnd <= tenantStart) continue;
    const entry = shape.byText.get(host.slice(start, tenantStart) + host.slice(tenantEnd, end));
    if (entry !== undefined && isTenantText(host, tenantStart, tenantEnd))
      visitor.visit(entry, host.slice(tenantStart, tenantEnd));
  }
}

/** A key that no host contains, since hosts have no braces; cheap for captures in the first label, which are the usual ones. */
function textAround(before: string, after: string): string {
  return before === '' ? after : `${before}{}${after}`;
}
