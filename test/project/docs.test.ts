import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configurationSchemas } from '../../src/config/schemas.ts';
import { reasons } from '../../src/core/reason.ts';
import { stages } from '../../src/decide/stages.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createPrimaryMetrics } from '../../src/telemetry/primary-metrics.ts';

const checkout = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(checkout, file), 'utf8');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(checkout, 'docs')).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'));

describe('the documents', () => {
  it('describe every reason with its status, and no other', () => {
    const described = [...read('docs/reasons.md').matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)].map((row) => [
      row[1],
      Number(row[2]),
    ]);
    expect(described).toEqual(Object.entries(reasons).map(([code, { status }]) => [code, status]));
  });

  it('describe every metric with its labels, and no other', async () => {
    const registries = [
      createMetrics({ pools: () => [], bounded: () => [], limitDeciders: () => ({}) }).registry,
      createPrimaryMetrics(() => 0).registry,
    ];
    const readings = await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()));
    const names = readings.flat().map(({ name }) => name);
    const metrics = [...new Set(names)].filter((name) => name.startsWith('bulkhead_'));
    const described = [...read('docs/metrics.md').matchAll(/^\| (`bulkhead_[^|]*) \|/gm)].flatMap((row) =>
      [...(row[1] ?? '').matchAll(/`([a-z_]+)`/g)].map((name) => name[1]),
    );
    expect(new Set(described)).toEqual(new Set(metrics));
    expect(described).toHaveLength(metrics.length);
  });

  it('list the stages as they run', () => {
    const listed = [...read('docs/life-of-a-request.md').matchAll(/^\| `([a-z]+)` \|/gm)].map(
      (row) => row[1],
    );
    expect(listed).toEqual(stages.map((stage) => stage.name));
  });

  it('name only files that exist', () => {
    const missing = pages.flatMap((page) =>
      [...read(page).matchAll(/`((?:src|test|config|deploy|bench)\/[A-Za-z0-9_./-]+\.[a-z]+)`/g)]
        .map((match) => match[1] ?? '')
        .filter((file) => !existsSync(join(checkout, file)))
        .map((file) => `${page}: ${file}`),
    );
    expect(missing).toEqual([]);
  });

  it('link only to what exists', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1] ?? '')
        .filter((target) => !existsSync(resolve(checkout, page, '..', target)))
        .map((target) => `${page}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('give the two commands in the README', () => {
    const commands = [...read('README.md').matchAll(/```sh\n([^`]*)```/g)].map((block) => block[1]?.trim());
    expect(commands).toEqual(['npm ci && npm run demo', 'npm ci && npm test']);
  });

  it('describe every key of every configuration file', () => {
    const page = read('docs/configuration.md');
    const keys = configurationSchemas().flatMap(({ file, text }) =>
      keysOf(JSON.parse(text) as JsonSchema).map((key) => ({ file, key })),
    );
    const missing = keys
      .filter(({ key }) => !page.includes(`\`${key}\``))
      .map(({ file, key }) => `${file}: ${key}`);
    expect([...new Set(missing)]).toEqual([]);
  });
});

describe('the JSON Schemas in config/schema', () => {
  for (const { file, text } of configurationSchemas()) {
    it(`${file} is what the code says`, () => {
      expect(read(`config/schema/${file}`)).toBe(text);
    });
  }

  it('are named by the first line of each example file', () => {
    const files = readdirSync(join(checkout, 'config'), { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.yaml'),
    );
    const wrong = files.filter((file) => {
      const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(read(`config/${file}`))?.[1];
      return schema === undefined || !existsSync(resolve(checkout, 'config', file, '..', schema));
    });
    expect(files).toHaveLength(9);
    expect(wrong).toEqual([]);
  });
});

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
}

/** The names of all keys that a schema knows, at every depth. */
function keysOf(schema: JsonSchema): string[] {
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => [key, ...keysOf(inner)]),
    ...(schema.items === undefined ? [] : keysOf(schema.items)),
    ...(schema.anyOf ?? []).flatMap(keysOf),
  ];
}
