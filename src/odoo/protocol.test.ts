import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerStyleOf, readJsonRpcId } from './protocol.ts';

describe('answerStyleOf', () => {
  it.each([
    ['/web/dataset/call_kw/res.partner/read', 'application/json', 'json-rpc'],
    ['/web/dataset/call_button/stock.picking/button_validate', 'application/json', 'json-rpc'],
    ['/web/action/load', 'application/json; charset=utf-8', 'json-rpc'],
    ['/web/session/authenticate', 'application/json;charset=utf-8', 'json-rpc'],
    ['/web/webclient/version_info', 'Application/JSON', 'json-rpc'],
    ['/web/domain/validate', 'application/json', 'json-rpc'],
    ['/web/view/edit_custom', 'application/json', 'json-rpc'],
    ['/jsonrpc', 'application/json-rpc', 'json-rpc'],
    ['/jsonrpc', 'application/json ', 'json-rpc'],
    ['/mail/data', 'application/json', 'json-rpc'],
    ['/discuss/channel/messages', 'application/json', 'json-rpc'],
    ['/calendar/check_credentials', 'application/json', 'json-rpc'],
    ['/html_editor/modify_image/1', 'application/json', 'json-rpc'],
    ['/pos/ping', 'application/json', 'json-rpc'],
    ['/product/catalog/order_lines_info', 'application/json', 'json-rpc'],
    ['/stock_barcode/get_barcode_data', 'application/json', 'json-rpc'],
    // Behind a website language.
    ['/de/web/dataset/call_kw', 'application/json', 'json-rpc'],
    ['/pt_BR/jsonrpc', 'application/json', 'json-rpc'],
    ['/a/b/jsonrpc', 'application/json', 'problem'],
    ['/json/2/stock.picking/read', 'application/json', 'problem'],
    ['/payment/stripe/webhook', 'application/json', 'problem'],
    ['/mail_plugin/partner/get', 'application/json', 'problem'],
    ['/', 'application/json', 'problem'],
    ['', 'application/json', 'problem'],
    ['/jsonrpc', undefined, 'problem'],
    ['/jsonrpc', '', 'problem'],
    ['/jsonrpc', 'text/plain', 'problem'],
    ['/jsonrpc', 'text/xml', 'problem'],
    ['/jsonrpc', 'application/jsonp', 'problem'],
    ['/jsonrpc', 'application/json-rpc2', 'problem'],
    ['/jsonrpc', 'x application/json', 'problem'],
    ['/mail/view', 'application/x-www-form-urlencoded', 'problem'],
  ] as const)('%s with %s: %s', (path, type, style) => {
    expect(answerStyleOf(path, type === undefined ? [] : ['content-type', type])).toBe(style);
  });
});

describe('the answer style of what is no JSON', () => {
  it.each<[string, string[], string]>([
    ['/xmlrpc/2/object', ['content-type', 'text/xml'], 'xml-rpc'],
    ['/xmlrpc/2/common', [], 'xml-rpc'],
    ['/de/xmlrpc/2/common', [], 'xml-rpc'],
    ['/xmlrpc/db/', ['content-type', 'application/json'], 'xml-rpc'],
    ['/xmlrpc/2/report', ['accept', 'text/html'], 'xml-rpc'],
    ['/xmlrpc/3/object', [], 'problem'],
    ['/xmlrpc', [], 'problem'],
    ['/odoo', ['accept', 'text/html,application/xhtml+xml,*/*;q=0.8'], 'page'],
    ['/odoo', ['accept', 'text/html', 'sec-fetch-dest', 'document'], 'page'],
    ['/web/content/7', ['accept', '*/*', 'sec-fetch-dest', 'iframe'], 'page'],
    ['/web/image/7', ['accept', 'image/avif,text/html', 'sec-fetch-dest', 'image'], 'problem'],
    ['/odoo', ['accept', 'text/html', 'sec-fetch-dest', 'empty'], 'problem'],
    ['/odoo', ['accept', '*/*'], 'problem'],
    ['/odoo', ['accept', 'text/htmlx'], 'problem'],
    ['/odoo', [], 'problem'],
    ['/web/login', ['accept', 'text/html', 'content-type', 'application/x-www-form-urlencoded'], 'page'],
    ['/web/dataset/call_kw', ['accept', 'text/html', 'content-type', 'application/json'], 'json-rpc'],
    ['/json/2/a/b', ['accept', 'text/html', 'content-type', 'application/json'], 'problem'],
  ])('%s with %j: %s', (path, fields, style) => {
    expect(answerStyleOf(path, fields)).toBe(style);
  });
});

describe('readJsonRpcId', () => {
  it.each([
    ['{"jsonrpc":"2.0","id":7,"method":"call"}', 7],
    ['{"id":"r7"}', 'r7'],
    ['{"id":""}', ''],
    ['{"id":0}', 0],
    ['{"id":-1.5}', -1.5],
    ['{"id":1,"id":2}', 2],
    ['{"\\u0069d":3}', 3],
    ['{"id":null}', null],
    ['{"id":true}', null],
    ['{"id":[7]}', null],
    ['{"id":{"x":1}}', null],
    ['{"params":{"id":7}}', null],
    ['[{"id":7}]', null],
    ['"id"', null],
    ['null', null],
    ['7', null],
    ['', null],
    ['{"id":7', null],
    ['<methodCall/>', null],
  ])('of %j is %j', (body, id) => {
    expect(readJsonRpcId(body)).toBe(id);
  });

  it('is a text, a number or null, whatever the body holds', () => {
    const call = fc.record({ id: fc.jsonValue() }).map((message) => JSON.stringify(message));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), call), (body) => {
        const id = readJsonRpcId(body);
        expect(id === null ? 'null' : typeof id).toMatch(/^(null|string|number)$/);
      }),
    );
  });
});
