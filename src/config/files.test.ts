import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { writeFiles } from '../../test/support/write-files.ts';
import { listConfigurationFiles } from './files.ts';

const removals: (() => void)[] = [];
afterEach(() => {
  for (const remove of removals.splice(0)) remove();
});

/** Lists a directory that holds empty files with these names. */
function list(...names: string[]) {
  const { directory, remove } = writeFiles(Object.fromEntries(names.map((name) => [name, ''])));
  removals.push(remove);
  const { files, problems } = listConfigurationFiles(directory);
  return {
    files,
    problems: problems.map(({ file, what, fix }) => `${file}: ${what} ${fix}`),
  };
}

describe('listConfigurationFiles', () => {
  it('finds every file, in an order that does not depend on the disk', () => {
    expect(
      list(
        'zones/b.yaml',
        'zones/a.yaml',
        'tenants/z.yaml',
        'tenants/a.yaml',
        'tenants.yaml',
        'pools.yaml',
        'identities.yaml',
        'gateway.yaml',
      ),
    ).toEqual({
      files: {
        gateway: 'gateway.yaml',
        identities: 'identities.yaml',
        pools: 'pools.yaml',
        tenants: ['tenants.yaml', 'tenants/a.yaml', 'tenants/z.yaml'],
        zones: ['zones/a.yaml', 'zones/b.yaml'],
      },
      problems: [],
    });
  });

  it('asks for the gateway and the pools also where they are not', () => {
    expect(list()).toEqual({
      files: { gateway: 'gateway.yaml', identities: undefined, pools: 'pools.yaml', tenants: [], zones: [] },
      problems: [],
    });
  });

  it('passes over what is no YAML, what an editor left, and the folders of Kubernetes', () => {
    const { files, problems } = list(
      'README.md',
      '.hidden.yaml',
      'zones/.a.yaml.swp',
      'zones/#a.yaml#',
      'zones/a.yaml~',
      'zones/a.yaml.orig',
      '..data/zones/a.yaml',
      '.git/a.yaml',
      'schema/zone.schema.json',
      'secrets/key',
    );
    expect(problems).toEqual([]);
    expect(files).toMatchObject({ zones: [], tenants: [] });
  });

  it.each<[string, string[]]>([
    [
      'gateways.yaml',
      [
        'gateways.yaml: "gateways.yaml" is not a file of the configuration. Rename it to gateway.yaml, or remove it.',
      ],
    ],
    [
      'pools.yml',
      ['pools.yml: "pools.yml" is not a file of the configuration. Rename it to pools.yaml, or remove it.'],
    ],
    [
      'notes.yaml',
      [
        'notes.yaml: "notes.yaml" is not a file of the configuration. Use one of gateway.yaml, identities.yaml, pools.yaml, tenants.yaml, zones/*.yaml and tenants/*.yaml, or remove it.',
      ],
    ],
    [
      'zone/a.yaml',
      [
        'zone/a.yaml: "zone" is not a folder of the configuration. Move its files to zones, or out of the configuration.',
      ],
    ],
    [
      'limits/a.yaml',
      [
        'limits/a.yaml: "limits" is not a folder of the configuration. Move its files to zones or tenants, or out of the configuration.',
      ],
    ],
    ['zones/a.yml', ['zones/a.yml: "zones/a.yml" does not end with .yaml. Rename it to zones/a.yaml.']],
    [
      'tenants/a.yml',
      ['tenants/a.yml: "tenants/a.yml" does not end with .yaml. Rename it to tenants/a.yaml.'],
    ],
    ['gateway.yaml.bak', []],
  ])('says of %s that it would be ignored, where it looks like configuration', (name, problems) => {
    expect(list(name).problems).toEqual(problems);
  });

  it('lists nothing for a directory that is not there', () => {
    const { files, problems } = listConfigurationFiles(join('none', 'of these'));
    expect(files).toBeUndefined();
    expect(problems.map(({ file, what }) => [file, what])).toEqual([
      ['.', 'The configuration directory "none/of these" cannot be read.'],
    ]);
  });
});
