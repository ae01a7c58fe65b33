import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const source = resolve(import.meta.dirname, '../../src');

/**
 * Which room may import which. A room may always import itself. `docs/life-of-a-request.md` draws the same.
 */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  zones: ['core'],
  auth: ['core'],
  tenants: ['core'],
  odoo: ['core'],
  limits: ['core'],
  pools: ['core'],
  http1: ['core'],
  telemetry: ['core'],
  decide: ['core', 'zones', 'auth', 'tenants', 'odoo', 'limits'],
  config: ['core', 'zones', 'auth', 'tenants', 'odoo', 'limits', 'pools', 'decide'],
  proxy: ['core', 'decide', 'http1', 'pools', 'odoo', 'limits', 'telemetry'],
  'forward-auth': ['core', 'decide', 'http1', 'odoo', 'telemetry'],
  admin: ['core', 'http1', 'limits', 'telemetry'],
  demo: ['core'],
  gateway: [
    'core',
    'auth',
    'limits',
    'pools',
    'http1',
    'telemetry',
    'decide',
    'config',
    'proxy',
    'forward-auth',
    'admin',
  ],
  workers: ['core', 'http1', 'telemetry', 'config', 'admin', 'gateway'],
  cli: ['core', 'auth', 'limits', 'decide', 'config', 'gateway', 'workers', 'demo'],
  'main.ts': ['cli'],
};

/** Only these may know sockets, files and processes; the decision never does. */
const withoutNodeSockets = ['core', 'zones', 'tenants', 'odoo', 'decide'];

interface Import {
  from: string;
  room: string;
  specifier: string;
}

const imports = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .flatMap((file): Import[] => {
    const text = readFileSync(join(source, file), 'utf8');
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
      (match) => match[1] ?? '',
    );
    return specifiers.map((specifier) => ({ from: file, room: roomOf(file), specifier }));
  });

function roomOf(file: string): string {
  return file.split('/')[0] ?? '';
}

function targetRoom({ from, specifier }: Import): string {
  return roomOf(relative(source, resolve(source, dirname(from), specifier)));
}

describe('the rooms of the house', () => {
  it('are all known to this test', () => {
    const rooms = new Set(imports.map(({ room }) => room));
    expect([...rooms].filter((room) => mayImport[room] === undefined)).toEqual([]);
  });

  it('import only the rooms below them', () => {
    const wrong = imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter((found) => {
        const target = targetRoom(found);
        return target !== found.room && !(mayImport[found.room] ?? []).includes(target);
      })
      .map(({ from, specifier }) => `${from} imports ${specifier}`);
    expect(wrong).toEqual([]);
  });

  it('form no cycle', () => {
    const order: string[] = [];
    const visit = (room: string, path: readonly string[]): void => {
      expect(path, `${[...path, room].join(' -> ')} is a cycle`).not.toContain(room);
      if (order.includes(room)) return;
      for (const below of mayImport[room] ?? []) visit(below, [...path, room]);
      order.push(room);
    };
    for (const room of Object.keys(mayImport)) visit(room, []);
    expect(order).toHaveLength(Object.keys(mayImport).length);
  });

  it('that decide know no sockets and no files', () => {
    const sockets = /^(node:)?(net|http|https|tls|fs|fs\/promises|child_process|worker_threads)$/;
    const wrong = imports
      .filter(({ room, specifier }) => withoutNodeSockets.includes(room) && sockets.test(specifier))
      .map(({ from, specifier }) => `${from} imports ${specifier}`)
      // `node:net` also tells IPv4 from IPv6, which opens nothing.
      .filter((line) => !/^core\/ip\.ts imports node:net$/.test(line));
    expect(wrong).toEqual([]);
  });
});
