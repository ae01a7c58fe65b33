import { describe, expect, it } from 'vitest';
import type { DecisionJson } from '../decide/decision-json.ts';
import { renderDecision } from './render-decision.ts';

const question = { request: 'POST https://acme.partner.example/json/2/stock.picking/read' };

const budget = {
  name: 'partner-rate',
  key: 'acme',
  cost: 1,
  remaining: 99,
  shadow: false,
  admitted: true,
  at: 'z:9:5',
  kind: 'rate' as const,
  windowEnds: null,
  figures: 'default',
};

const allowed: DecisionJson = {
  decision: 'allow',
  reason: null,
  status: null,
  at: 'zones/partner.yaml:2:8',
  zone: 'partner',
  principal: { kind: 'jwt', subject: 'edi-acme', issuer: 'keycloak' },
  tenant: 'acme',
  workload: 'interactive',
  class: 'interactive',
  pool: 'odoo-interactive',
  odoo: {
    protocol: 'json-2',
    service: 'object',
    model: 'stock.picking',
    method: 'read',
    database: 'acme',
    login: null,
    records: null,
    limit: null,
  },
  limits: [
    budget,
    { ...budget, name: 'client-rate', key: 'acme/edi-acme', cost: 2, remaining: 0 },
    { ...budget, name: 'soon', shadow: true, remaining: 4, figures: 'tenant acme, cut-off' },
    { ...budget, name: 'tighter', shadow: true, remaining: 0, admitted: false },
  ],
  trace: [
    {
      stage: 'canonicalise',
      outcome: '/json/2/stock.picking/read',
      at: '',
      note: 'POST acme.partner.example',
    },
    { stage: 'zone', outcome: 'partner', at: 'zones/partner.yaml:2:8', note: 'Host matches' },
    { stage: 'address', outcome: 'passed', at: '', note: '' },
    { stage: 'route', outcome: 'odoo-interactive', at: 'zones/partner.yaml:20:16', note: '' },
  ],
};

const unknown = {
  zone: null,
  principal: null,
  tenant: null,
  workload: null,
  class: null,
  pool: null,
  odoo: null,
  limits: [],
};

describe('renderDecision', () => {
  it('shows what was asked, the answer, what was found out, and how', () => {
    expect(renderDecision(question, allowed)).toBe(`${question.request}

ALLOW
  at         zones/partner.yaml:2:8
  zone       partner
  principal  edi-acme (jwt of keycloak)
  tenant     acme
  Odoo call  stock.picking read
  workload   interactive
  class      interactive
  pool       odoo-interactive
  limit      partner-rate of acme: costs 1, 99 left
  limit      client-rate of acme/edi-acme: costs 2, 0 left
  limit      soon of acme: costs 1, 4 left (shadow), figures: tenant acme, cut-off
  limit      tighter of acme: costs 1, 0 left (shadow), would refuse

How it came to that:
  canonicalise  /json/2/stock.picking/read  POST acme.partner.example
  zone          partner                     Host matches (zones/partner.yaml:2:8)
  address       passed
  route         odoo-interactive            (zones/partner.yaml:20:16)
`);
  });

  it('shows the reason of a refusal in words, and leaves out what nobody knows', () => {
    const refused: DecisionJson = {
      ...unknown,
      decision: 'refuse',
      reason: 'no_zone',
      status: 404,
      at: '',
      trace: [
        { stage: 'canonicalise', outcome: '/', at: '', note: 'GET a.example from 192.0.2.1' },
        { stage: 'zone', outcome: 'no_zone', at: '', note: 'staff: Host(`b.example`) does not match' },
      ],
    };
    expect(renderDecision({ request: 'GET https://a.example/' }, refused)).toBe(`GET https://a.example/

REFUSE 404 no_zone: No zone covers this request.

How it came to that:
  canonicalise  /        GET a.example from 192.0.2.1
  zone          no_zone  staff: Host(\`b.example\`) does not match
`);
  });

  it('shows which budget refuses', () => {
    const refused: DecisionJson = {
      ...allowed,
      decision: 'refuse',
      reason: 'limit_exceeded',
      status: 429,
      at: 'zones/partner.yaml:9:5',
      pool: null,
      limits: [{ ...budget, remaining: 0, admitted: false }],
      trace: [],
    };
    const lines = renderDecision(question, refused).split('\n');
    expect(lines.slice(2, 4)).toEqual([
      'REFUSE 429 limit_exceeded: A rate limit is exceeded.',
      '  at         zones/partner.yaml:9:5',
    ]);
    expect(lines).toContain('  limit      partner-rate of acme: costs 1, 0 left, refuses');
    expect(lines.some((line) => line.startsWith('  pool'))).toBe(false);
  });
});
