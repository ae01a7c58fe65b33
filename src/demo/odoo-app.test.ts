import { describe, expect, it } from 'vitest';
import { answerOdoo } from './odoo-app.ts';
import { splitTargetLikeWerkzeug, toOdooRequest } from './odoo-request.ts';

const bearer: [string, string] = ['Authorization', 'bearer 0123456789abcdef'];
const json: [string, string] = ['Content-Type', 'application/json'];

/** Asks the application alone; a body comes with its length. */
async function ask(method: string, target: string, { body = '', fields = [] as [string, string][] } = {}) {
  const request = toOdooRequest({
    method,
    target,
    ...splitTargetLikeWerkzeug(target),
    fields: body === '' ? fields : [...fields, ['Content-Length', String(Buffer.byteLength(body))]],
    peerAddress: '10.0.0.1',
    body: Buffer.from(body),
  });
  const answer = await answerOdoo(request, {
    options: { name: 'odoo-1', delaysMs: {} },
    signal: new AbortController().signal,
  });
  return { ...answer, fields: new Map(answer.fields), text: answer.body.toString() };
}

function call(params: unknown): string {
  return JSON.stringify({ id: 7, jsonrpc: '2.0', method: 'call', params });
}

describe('the routes', () => {
  it.each([
    ['/web/login', 200, 'text/html; charset=utf-8'],
    ['/web', 200, 'text/html; charset=utf-8'],
    ['/odoo/inventory', 200, 'text/html; charset=utf-8'],
    ['/stock/static/src/app.css', 200, 'text/css; charset=utf-8'],
    ['/report/pdf/stock.report_picking/1', 200, 'application/pdf'],
    ['/websocket', 500, 'text/html; charset=utf-8'],
    ['/websocket/health', 200, 'application/json'],
    ['/xmlrpc/2/common', 200, 'text/xml; charset=utf-8'],
    ['/web/content/7?bytes=3', 200, 'application/octet-stream'],
    ['/jsonrpc', 405, 'text/html; charset=utf-8'],
    ['/nothing', 404, 'text/html; charset=utf-8'],
  ])('answer GET %s with %i', async (path, status, contentType) => {
    const answer = await ask('GET', path);
    expect([answer.status, answer.fields.get('Content-Type')]).toEqual([status, contentType]);
  });

  it('say why a websocket cannot be opened here', async () => {
    expect((await ask('GET', '/websocket')).text).toContain(
      'Is the connection opened on the evented port (8072)?',
    );
  });

  it('give as many bytes as are asked for', async () => {
    expect((await ask('GET', '/web/content/7?bytes=100000')).body).toHaveLength(100_000);
    expect((await ask('GET', '/web/content/7?bytes=many')).body).toHaveLength(0);
  });

  it('set a session cookie that is neither Secure nor SameSite', async () => {
    expect((await ask('GET', '/web/login')).fields.get('Set-Cookie')).toMatch(
      /^session_id=[A-Za-z0-9_-]{84}; Max-Age=604800; HttpOnly; Path=\/$/,
    );
  });

  it('describe what they saw in visible ASCII', async () => {
    const seen = (await ask('GET', '/web%c3%a9%0d%0a')).fields.get('x-seen');
    expect(seen).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(seen ?? '')).toMatchObject({ path: '/web\u00e9\r\n' });
  });
});

describe('JSON-2', () => {
  const path = '/json/2/stock.picking/search_read';

  it('runs a method with its arguments', async () => {
    const answer = await ask('POST', path, {
      body: '{"fields":["name"],"offset":1,"limit":2}',
      fields: [bearer],
    });
    expect(JSON.parse(answer.text)).toEqual([
      { id: 48_202, name: 'WH/OUT/00002' },
      { id: 48_203, name: 'WH/OUT/00003' },
    ]);
  });

  it.each<[string, string, string, [string, string][], number, string]>([
    ['no key', path, '{}', [], 401, 'werkzeug.exceptions.Unauthorized'],
    ['an unknown model', '/json/2/no.model/read', '{}', [bearer], 404, 'werkzeug.exceptions.NotFound'],
    [
      'a name from the prototype',
      '/json/2/constructor/read',
      '{}',
      [bearer],
      404,
      'werkzeug.exceptions.NotFound',
    ],
    [
      'an unknown method',
      '/json/2/stock.picking/explode',
      '{}',
      [bearer],
      404,
      'werkzeug.exceptions.NotFound',
    ],
    [
      'missing ids',
      '/json/2/stock.picking/button_validate',
      '{}',
      [bearer],
      422,
      'odoo.exceptions.UserError',
    ],
    ['broken JSON', path, '{', [bearer], 400, 'werkzeug.exceptions.BadRequest'],
  ])('answers %s with an error object', async (_title, target, body, fields, status, name) => {
    const answer = await ask('POST', target, { body, fields });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      status,
      {
        name,
        message: expect.any(String),
        arguments: [expect.any(String)],
        context: {},
        debug: expect.any(String),
      },
    ]);
  });
});

describe('JSON-RPC', () => {
  it('takes model and method from the body, whatever the path says', async () => {
    const body = call({ model: 'sale.order', method: 'search_count', args: [[]], kwargs: {} });
    const answer = await ask('POST', '/web/dataset/call_kw/stock.picking/read', { body, fields: [json] });
    expect(JSON.parse(answer.text)).toEqual({ jsonrpc: '2.0', id: 7, result: 20 });
  });

  it('reports an error with status 200', async () => {
    const body = call({ model: 'stock.picking', method: 'button_validate', args: [], kwargs: {} });
    const answer = await ask('POST', '/web/dataset/call_button/a/b', { body, fields: [json] });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      200,
      {
        jsonrpc: '2.0',
        id: 7,
        error: {
          code: 0,
          message: 'Odoo Server Error',
          data: {
            name: 'odoo.exceptions.UserError',
            message: 'stock.picking.button_validate needs ids.',
            arguments: ['stock.picking.button_validate needs ids.'],
            context: {},
            debug: expect.stringContaining('Traceback'),
          },
        },
      },
    ]);
  });

  it.each([
    ['the version', { service: 'common', method: 'version', args: [] }, { server_serie: '19.0' }],
    ['any database', { service: 'db', method: 'list', args: [] }, ['acme', 'globex']],
    ['a user id', { service: 'common', method: 'authenticate', args: ['acme', 'edi', 'key', {}] }, 2],
    [
      'false for a wrong password',
      { service: 'common', method: 'login', args: ['acme', 'edi', 'wrong'] },
      false,
    ],
    [
      'the rows of a model',
      {
        service: 'object',
        method: 'execute_kw',
        args: ['globex', 2, 'key', 'sale.order', 'read', [[5]], { fields: ['name'] }],
      },
      [{ id: 5, name: 'SO0001' }],
    ],
  ])('serves %s on /jsonrpc to whoever asks', async (_title, params, result) => {
    const answer = await ask('POST', '/jsonrpc', { body: call(params), fields: [json] });
    const got: unknown = JSON.parse(answer.text).result;
    if (typeof result === 'object') expect(got).toMatchObject(result);
    else expect(got).toBe(result);
  });

  it('knows no other service', async () => {
    const answer = await ask('POST', '/jsonrpc', {
      body: call({ service: 'os', method: 'exec' }),
      fields: [json],
    });
    expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([200, 404]);
  });

  it.each<[string, string, [string, string], number]>([
    ['another content type', '{}', ['Content-Type', 'text/plain'], 415],
    ['broken JSON', '{', json, 400],
    ['a batch', '[]', json, 400],
    ['params that are a list', '{"params":[]}', json, 400],
  ])('refuses %s', async (_title, body, field, status) => {
    expect((await ask('POST', '/jsonrpc', { body, fields: [field] })).status).toBe(status);
  });
});

describe('a wrong secret', () => {
  const form: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded'];

  it('gives the form of /web/login again, a right one a way on', async () => {
    const wrong = await ask('POST', '/web/login', { body: 'login=alice&password=wrong', fields: [form] });
    expect([wrong.status, wrong.text.includes('Wrong login/password')]).toEqual([200, true]);
    const right = await ask('POST', '/web/login', { body: 'login=alice&password=x', fields: [form] });
    expect([right.status, right.fields.get('Location'), right.text]).toEqual([303, '/odoo', '']);
  });

  it('is an error of /web/session/authenticate, with status 200', async () => {
    const send = (password: string) =>
      ask('POST', '/web/session/authenticate', {
        body: call({ db: 'acme', login: 'alice', password }),
        fields: [json],
      });
    const wrong = await send('wrong');
    expect([wrong.status, JSON.parse(wrong.text).error.data.name]).toEqual([
      200,
      'odoo.exceptions.AccessDenied',
    ]);
    expect(JSON.parse((await send('x')).text).result).toEqual({ uid: 2, db: 'acme', username: 'alice' });
  });

  it('is an error of a JSON-RPC call, with status 200', async () => {
    const args = ['acme', 2, 'wrong', 'sale.order', 'read', [[5]]];
    const answer = await ask('POST', '/jsonrpc', {
      body: call({ service: 'object', method: 'execute_kw', args }),
      fields: [json],
    });
    expect([answer.status, JSON.parse(answer.text).error.data.name]).toEqual([
      200,
      'odoo.exceptions.AccessDenied',
    ]);
  });

  it.each([
    ['/xmlrpc/2/common', '<boolean>0</boolean>'],
    ['/xmlrpc/2/object', '<name>faultCode</name>\n<value><int>3</int></value>'],
    ['/xmlrpc/object', '<name>faultCode</name>\n<value><string>AccessDenied</string></value>'],
  ])('is told by %s as %s, with status 200', async (path, told) => {
    const answer = await ask('POST', path, { body: '<value><string>wrong</string></value>' });
    expect([answer.status, answer.text.includes(told)]).toEqual([200, true]);
    const right = await ask('POST', path, { body: '<value><string>right</string></value>' });
    expect(right.text).toContain('<value><int>2</int></value>');
  });

  it('is a 401 of JSON-2', async () => {
    const answer = await ask('POST', '/json/2/sale.order/read', {
      fields: [['Authorization', 'bearer wrong-key']],
    });
    expect(answer.status).toBe(401);
  });
});
