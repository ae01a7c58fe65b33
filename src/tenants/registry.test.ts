import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { tenantsSchemaWith } from './options.ts';
import { compileTenants } from './registry.ts';

const tenantsSchema = tenantsSchemaWith(z.strictObject({ rate: z.string() }));

function compile(...files: object[][]) {
  return compileTenants(files.map((tenants) => tenantsSchema.parse({ tenants })));
}

const acme = { id: 'acme', tier: 'shared', database: 'acme_db', odooApiKey: undefined };
const globex = { id: 'globex', tier: 'dedicated', database: 'globex_prod', odooApiKey: 'secret' };

describe('compileTenants', () => {
  it('finds a tenant by name, host and database, in whatever file it stands', () => {
    const { registry, issues } = compile(
      [{ id: 'acme', database: 'acme_db' }],
      [
        {
          id: 'globex',
          tier: 'dedicated',
          database: 'globex_prod',
          hosts: ['erp.globex.example', 'globex.example'],
          odooApiKey: 'secret',
        },
      ],
    );
    expect(issues).toEqual([]);
    expect(registry).toEqual({
      byId: new Map<string, object>([
        ['acme', acme],
        ['globex', globex],
      ]),
      byHost: new Map([
        ['erp.globex.example', globex],
        ['globex.example', globex],
      ]),
      byDatabase: new Map<string, object>([
        ['acme_db', acme],
        ['globex_prod', globex],
      ]),
    });
  });

  it('takes no file for no tenant', () => {
    expect(compile()).toEqual({
      registry: { byId: new Map(), byHost: new Map(), byDatabase: new Map() },
      issues: [],
    });
  });

  it('reports a tenant that another file defines already, and only that', () => {
    const { issues } = compile(
      [{ id: 'acme', database: 'a', hosts: ['a.example'] }],
      [
        { id: 'globex', database: 'g' },
        { id: 'acme', database: 'a', hosts: ['a.example'] },
      ],
    );
    expect(issues).toEqual([
      {
        path: [1, 'tenants', 1, 'id'],
        what: 'Tenant "acme" is defined twice.',
        consequence: 'It would be chance which of the two a request belongs to.',
        fix: 'Rename or remove one of them.',
      },
    ]);
  });

  it('reports every database and every host that a second tenant claims', () => {
    const { issues } = compile([
      { id: 'acme', database: 'erp', hosts: ['erp.example', 'a.example'] },
      { id: 'globex', database: 'erp', hosts: ['g.example', 'erp.example'] },
      { id: 'initech', database: 'erp', hosts: ['g.example'] },
    ]);
    const database = (index: number) => ({
      path: [0, 'tenants', index, 'database'],
      what: 'Database "erp" belongs to tenant "acme" already.',
      consequence: 'One tenant would read the data of the other.',
      fix: 'Give each tenant a database of its own.',
    });
    const host = (index: number, place: number, [name, owner]: [string, string]) => ({
      path: [0, 'tenants', index, 'hosts', place],
      what: `Host "${name}" belongs to tenant "${owner}" already.`,
      consequence: 'Requests to it would count for the wrong tenant.',
      fix: 'Name each host for one tenant only.',
    });
    expect(issues).toEqual([
      database(1),
      host(1, 1, ['erp.example', 'acme']),
      database(2),
      host(2, 0, ['g.example', 'globex']),
    ]);
  });

  it('reports a host that one tenant names twice', () => {
    const { issues } = compile([{ id: 'acme', database: 'a', hosts: ['a.example', 'a.example'] }]);
    expect(issues.map(({ path, what }) => ({ path, what }))).toEqual([
      { path: [0, 'tenants', 0, 'hosts', 1], what: 'Host "a.example" belongs to tenant "acme" already.' },
    ]);
  });
});

describe('tenantsSchema', () => {
  const hostFix =
    'No request would find this tenant by it.\nWrite a lower-case host name without scheme, port and path, such as erp.acme.example.';
  it.each([
    [{ hosts: ['Acme.example'] }, `"Acme.example" is not a host name.\n${hostFix}`],
    [{ hosts: ['https://acme.example'] }, `"https://acme.example" is not a host name.\n${hostFix}`],
    [{ hosts: ['acme.example:8080'] }, `"acme.example:8080" is not a host name.\n${hostFix}`],
    [{ hosts: ['acme.example.'] }, `"acme.example." is not a host name.\n${hostFix}`],
    [
      { tier: 'own' },
      '"own" is not one of shared, semi-isolated, dedicated.\nIts pools would be unknown.\nWrite one of shared, semi-isolated, dedicated.',
    ],
    [
      { database: '' },
      '"" is not a database name.\nThe gateway would not know what to apply.\nWrite the name of its database in Odoo.',
    ],
  ])('refuses %j', (changes, message) => {
    const tenant = { id: 'acme', database: 'acme', ...changes };
    const { error } = tenantsSchema.safeParse({ tenants: [tenant] });
    expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});
