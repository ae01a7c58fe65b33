import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginsError, errorFormOf, withoutTraceback } from './traceback.ts';

const secret =
  'Traceback (most recent call last):\n  File "/opt/odoo/odoo/http.py", line 2130\npsycopg2: host=10.0.0.7';
const rpcError = {
  jsonrpc: '2.0',
  id: 7,
  error: {
    code: 0,
    message: 'Odoo Server Error',
    data: {
      name: 'odoo.exceptions.UserError',
      message: 'No.',
      arguments: ['No.'],
      context: {},
      debug: secret,
    },
  },
};
const faultOf = (code: number, text: string): string =>
  "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n" +
  `<value><int>${code}</int></value>\n</member>\n<member>\n<name>faultString</name>\n` +
  `<value><string>${text}</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n`;

describe('errorFormOf', () => {
  it.each([
    [200, 'application/json', 'json'],
    [200, 'application/json; charset=utf-8', 'json'],
    [422, 'Application/JSON', 'json'],
    [200, 'application/json-rpc', 'json'],
    [200, 'text/xml', 'xml'],
    [200, 'text/xml; charset=utf-8', 'xml'],
    [404, 'text/xml', undefined],
    [200, 'text/html; charset=utf-8', undefined],
    [200, 'application/jsonp', undefined],
    [200, '', undefined],
    [200, undefined, undefined],
  ] as const)('of %i %j is %j', (status, type, form) => {
    expect(errorFormOf(status, type)).toBe(form);
  });
});

describe('beginsError', () => {
  it.each([
    ['json', 200, '{"jsonrpc": "2.0", "id": 7, "error": {', true],
    ['json', 200, '{"jsonrpc": "2.0", "id": 7, "result": {"error": 1', false],
    ['json', 200, '{"error": {"result": 1', true],
    ['json', 200, '[{"id": 7}]', false],
    ['json', 200, `{"result": "${'x'.repeat(300)}`, false],
    ['json', 201, '{"name": "x"', false],
    ['json', 400, '{', true],
    ['json', 422, '{"name": "odoo.exceptions.UserError"', true],
    ['xml', 200, "<?xml version='1.0'?>\n<methodResponse>\n<fault>", true],
    ['xml', 200, "<?xml version='1.0'?>\n<methodResponse>\n<params>", false],
  ] as const)('%s %i %j: %j', (form, status, start, error) => {
    expect(beginsError(form, status, Buffer.from(start))).toBe(error);
  });
});

describe('withoutTraceback', () => {
  it('takes the traceback off a JSON-RPC error and leaves all else', () => {
    const without = structuredClone(rpcError);
    without.error.data.debug = '';
    expect(JSON.parse(withoutTraceback('json', Buffer.from(JSON.stringify(rpcError))) ?? '')).toEqual(
      without,
    );
  });

  it('takes it off an error of JSON-2', () => {
    const { data } = rpcError.error;
    expect(withoutTraceback('json', Buffer.from(JSON.stringify(data)))).toBe(
      '{"name":"odoo.exceptions.UserError","message":"No.","arguments":["No."],"context":{},"debug":""}',
    );
  });

  it('takes it off a fault of code 1', () => {
    expect(withoutTraceback('xml', Buffer.from(faultOf(1, secret)))).toBe(faultOf(1, 'Odoo Server Error'));
  });

  it.each([2, 3, 4, 11])('leaves the message of a fault of code %i, which is meant for the user', (code) => {
    const text = faultOf(code, 'Access Denied');
    expect(withoutTraceback('xml', Buffer.from(text))).toBe(text);
  });

  it.each<['json' | 'xml', string]>([
    ['json', '{"error": {"debug": "x"'],
    ['json', '{"error": NaN}'],
    ['json', ''],
    ['xml', '<methodResponse><fault>'],
  ])('cannot read the %s %j', (form, text) => {
    expect(withoutTraceback(form, Buffer.from(text))).toBeUndefined();
  });

  it('leaves no traceback at any depth', () => {
    const value = fc.object({ key: fc.constantFrom('debug', 'data', 'a'), values: [fc.constant(secret)] });
    fc.assert(
      fc.property(value, (error) => {
        const text = withoutTraceback('json', Buffer.from(JSON.stringify(error))) ?? secret;
        const told: string[] = [];
        JSON.parse(text, (key, inner: unknown) => {
          if (key === 'debug' && typeof inner === 'string') told.push(inner);
          return inner;
        });
        expect(told.every((one) => one === '')).toBe(true);
      }),
    );
  });
});
