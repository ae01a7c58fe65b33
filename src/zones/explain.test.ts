import { describe, expect, it } from 'vitest';
import { compileZoneTable } from './compile.ts';
import { explainZones } from './explain.ts';
import type { ZoneFacts } from './predicate.ts';

const { table } = compileZoneTable(
  [
    { name: 'public', match: 'Host(`www.erp.example`)' },
    {
      name: 'partner',
      match:
        'Host(`{tenant}.partner.erp.example`) && (PathPrefix(`/json/2`) || Path(`/jsonrpc`) && Method(`POST`))',
    },
    {
      name: 'admin',
      match:
        'Host(`{tenant}.partner.erp.example`) && Path(`/web`) && ClientIP(`10.0.0.0/8`) && !ClientCert()',
    },
  ].map((zone) => ({ ...zone, overrides: [], at: '' })),
);

const facts: ZoneFacts = {
  host: 'acme.partner.erp.example',
  path: '/json/2/res.partner/read',
  query: undefined,
  method: 'GET',
  fields: [],
  clientAddress: '192.0.2.1',
  clientCertificate: 'MII',
  listener: 'public',
  odoo: undefined,
};

describe('explainZones', () => {
  it('names what matches, then what fails, the nearest zones first', () => {
    expect(explainZones(table, facts)).toEqual([
      'partner: Host and PathPrefix(`/json/2`) match',
      'admin: Path(`/web`), ClientIP(`10.0.0.0/8`) and !ClientCert() do not match',
      'public: Host(`www.erp.example`) does not match',
    ]);
  });

  it('explains a zone by the alternative that fails least', () => {
    expect(explainZones(table, { ...facts, path: '/jsonrpc' })[0]).toBe(
      'partner: PathPrefix(`/json/2`) does not match',
    );
    expect(explainZones(table, { ...facts, path: '/jsonrpc', method: 'POST' })[0]).toBe(
      'partner: Host, Path(`/jsonrpc`) and Method(`POST`) match',
    );
  });

  it('stops at the number of zones that is asked for', () => {
    expect(explainZones(table, facts, 1)).toHaveLength(1);
  });
});
