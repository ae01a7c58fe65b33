import type { OdooRequest } from './odoo-request.ts';
import { callModel, type CallResult } from './odoo-records.ts';

/** The three ways in which programs call Odoo models, with its statuses: JSON-RPC errors come with 200. */

export interface RpcAnswer {
  status: number;
  contentType: string;
  body: string;
}

type Values = Record<string, unknown>;

function json(status: number, value: unknown): RpcAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: JSON.stringify(value) };
}

function badRequest(message: string): RpcAnswer {
  return {
    status: 400,
    contentType: 'text/html; charset=utf-8',
    body: `<h1>Bad Request</h1><p>${message}</p>`,
  };
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Runs `call` with the `params` of a JSON-RPC body; `undefined` from it is a 404 in Odoo's JSON-RPC manner. */
export function answerJsonRpc(
  request: OdooRequest,
  call: (params: Values) => CallResult | undefined,
): RpcAnswer {
  const contentType = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (contentType !== 'application/json' && contentType !== 'application/json-rpc') {
    return { status: 415, contentType: 'text/html; charset=utf-8', body: '<h1>Unsupported Media Type</h1>' };
  }
  const message = readJson(request.body);
  if (message === undefined) return badRequest('Invalid JSON data');
  if (!isValues(message)) return badRequest('Invalid JSON-RPC data');
  const params = message['params'] ?? {};
  if (!isValues(params)) return badRequest('Invalid JSON-RPC data');
  const id = message['id'] ?? null;
  const result = call(params) ?? {
    status: 404 as const,
    name: 'werkzeug.exceptions.NotFound',
    message: '404: Not Found',
  };
  if ('value' in result) return json(200, { jsonrpc: '2.0', id, result: result.value });
  return json(200, {
    jsonrpc: '2.0',
    id,
    error: {
      code: result.status === 404 ? 404 : 0,
      message: result.status === 404 ? '404: Not Found' : 'Odoo Server Error',
      data: {
        name: result.name,
        message: result.message,
        arguments: [result.message],
        context: {},
        debug: traceback,
      },
    },
  });
}

/** Odoo puts its traceback into every error; the stand-in does as well, so that a leak is seen. */
const traceback = 'Traceback (most recent call last):\n  File "/odoo/http.py", line 2200, in _serve_db\n';

/** `/web/dataset/call_kw`: model and method come from the body, whatever the path says. */
export function callKw(params: Values): CallResult | undefined {
  const { model, method, args, kwargs } = params;
  if (typeof model !== 'string' || typeof method !== 'string') return undefined;
  return callModel(model, method, namedArguments(method, Array.isArray(args) ? args : [], kwargs));
}

/** Every secret is right but those that begin so. */
export function isWrong(secret: unknown): boolean {
  return typeof secret === 'string' && secret.startsWith('wrong');
}

const accessDenied: CallResult = {
  status: 403,
  name: 'odoo.exceptions.AccessDenied',
  message: 'Access Denied',
};

/** `/web/session/authenticate`: a wrong password is an error, with status 200 like every other one. */
export function authenticate(params: Values): CallResult {
  if (isWrong(params['password'])) return accessDenied;
  return { value: { uid: 2, db: params['db'] ?? null, username: params['login'] ?? null } };
}

/** `/jsonrpc`: service, method, and the database as the first argument, which no host name restricts. */
export function callService(params: Values): CallResult | undefined {
  const { service, method } = params;
  const args: readonly unknown[] = Array.isArray(params['args']) ? params['args'] : [];
  switch (`${String(service)}.${String(method)}`) {
    case 'common.version':
      return { value: { server_version: '19.0', server_serie: '19.0', protocol_version: 1 } };
    case 'common.login':
    case 'common.authenticate':
      return { value: isWrong(args[2]) ? false : 2 };
    case 'db.list':
      return { value: ['acme', 'globex'] };
    case 'db.server_version':
      return { value: '19.0' };
    case 'object.execute_kw': {
      const [, , password, model, name, positional, named] = args;
      if (isWrong(password)) return accessDenied;
      if (typeof model !== 'string' || typeof name !== 'string') return undefined;
      return callModel(model, name, namedArguments(name, Array.isArray(positional) ? positional : [], named));
    }
    default:
      return undefined;
  }
}

/** Gives positional arguments the names that the model methods have in Python. */
function namedArguments(method: string, positional: readonly unknown[], named: unknown): Values {
  const names = method.includes('search') ? ['domain', 'fields', 'offset', 'limit'] : ['ids', 'fields'];
  const values: Values = isValues(named) ? { ...named } : {};
  positional.forEach((value, index) => {
    const name = names[index];
    if (name !== undefined) values[name] = value;
  });
  return values;
}

/**
 * `/json/2/<model>/<method>`. Odoo reads the body only when Content-Length says that there is one, so a chunked body is
 * lost, and the method runs without its arguments.
 */
export function answerJson2(request: OdooRequest, model: string, method: string): RpcAnswer {
  const failure = (status: number, name: string, message: string): RpcAnswer =>
    json(status, { name, message, arguments: [message], context: {}, debug: traceback });
  const key = /^bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  if (key === undefined || isWrong(key)) {
    return failure(401, 'werkzeug.exceptions.Unauthorized', 'Invalid apikey');
  }
  const values = Number(request.headers.get('content-length') ?? 0) > 0 ? readJson(request.body) : {};
  if (!isValues(values)) return failure(400, 'werkzeug.exceptions.BadRequest', 'Invalid JSON data');
  const result = callModel(model, method, values);
  return 'value' in result ? json(200, result.value) : failure(result.status, result.name, result.message);
}
