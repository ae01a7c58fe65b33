import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OdooCall } from '../core/facts.ts';
import { type CallOutcome, readCallOutcome } from './call-outcome.ts';

const wizard =
  '{"type": "ir.actions.act_window", "res_model": "stock.backorder.confirmation", "target": "new"}';
const action = '{"type": "ir.actions.report", "report_name": "stock.report_picking"}';
const response = (content: string): string => `<?xml version='1.0'?>\n<methodResponse>\n${content}`;

describe('readCallOutcome', () => {
  it.each<[OdooCall['protocol'], number, string, CallOutcome]>([
    ['web', 200, '{"jsonrpc": "2.0", "id": 7, "result": true}', 'done'],
    ['web', 200, `{"jsonrpc": "2.0", "id": 7, "result": ${wizard}}`, 'asked'],
    ['web', 200, `{"jsonrpc": "2.0", "id": 7, "result": ${action}}`, 'done'],
    ['web', 200, `{"jsonrpc": "2.0", "id": 7, "result": [${wizard}]}`, 'done'],
    ['web', 200, '{"jsonrpc": "2.0", "id": 7, "error": {"code": 0, "data": {"result": 1}}}', 'failed'],
    ['json-rpc', 200, '{"jsonrpc":"2.0","id":"result","result":[1,2]}', 'done'],
    ['json-rpc', 200, '{"jsonrpc":"2.0","id":1,"error":{}}', 'failed'],
    ['json-rpc', 200, '', 'failed'],
    ['json-rpc', 429, '{"result": true}', 'failed'],
    ['json-2', 200, 'true', 'done'],
    ['json-2', 200, '[1]', 'done'],
    ['json-2', 200, wizard, 'asked'],
    ['json-2', 422, '{"name": "odoo.exceptions.UserError"}', 'failed'],
    ['json-2', 303, '', 'failed'],
    ['xml-rpc', 200, response('<params>\n<param><value><boolean>1</boolean></value></param>'), 'done'],
    [
      'xml-rpc',
      200,
      response('<params><member><name>type</name>\n<value><string>ir.actions.act_window'),
      'asked',
    ],
    ['xml-rpc', 200, response('<fault><value>'), 'failed'],
    ['xml-rpc', 500, response('<params>'), 'failed'],
    ['xml-rpc', 200, '', 'failed'],
  ])('of %s %i %j is %j', (protocol, status, text, outcome) => {
    expect(readCallOutcome(protocol, status, Buffer.from(text))).toBe(outcome);
  });

  it('never takes an error of JSON-RPC for success, whatever the error holds', () => {
    fc.assert(
      fc.property(fc.integer(), fc.jsonValue(), (id, error) => {
        const text = JSON.stringify({ jsonrpc: '2.0', id, error });
        expect(readCallOutcome('json-rpc', 200, Buffer.from(text))).toBe('failed');
      }),
    );
  });
});
