import { type LoginRoute, xmlRpcService } from './login-route.ts';
import { readXmlRpcCall } from './read-xml-rpc.ts';

/** What a request to a login route tries. */
export interface LoginTry {
  /** `login` asks for a session or a user id; `rpc` proves with each call who it is; `unknown` may be either. */
  kind: 'login' | 'rpc' | 'unknown';
  /** Undefined where the request does not tell, or not in a form that can be read in one way only. */
  account: LoginAccount | undefined;
  secret: string | undefined;
}

export interface LoginAccount {
  /** Undefined where the host decides. */
  database: string | undefined;
  /** Login name, or `uid:7`. */
  name: string;
}

export interface LoginRequest {
  path: string;
  query: string | undefined;
  /** The whole body; undefined when there is none, or when it is too large to be read. */
  body: Buffer | undefined;
}

/** Larger bodies of login routes are not read: a login is a few hundred bytes. */
export const maxLoginBytes = 64 * 1024;

/**
 * Reads who tries to log in, as Odoo will understand it; undefined when the call needs no password (`common.version`). What
 * cannot be read counts as a try of an unknown account.
 */
export function readLogin(route: LoginRoute, request: LoginRequest): LoginTry | undefined {
  switch (route) {
    case 'web-login':
      return readForm(request);
    case 'web-totp':
      return { kind: 'login', account: undefined, secret: undefined };
    case 'web-session':
      return readSession(request);
    case 'json-rpc':
      return readJsonRpc(request);
    case 'xml-rpc':
      return readXmlRpc(request);
    case 'json-2':
      return { kind: 'rpc', account: undefined, secret: undefined };
  }
}

/** Fields of the body stand above those of the query, and the first of several counts (odoo/http.py get_http_params). */
function readForm({ query, body }: LoginRequest): LoginTry {
  const form = new URLSearchParams(body?.toString() ?? '');
  const inQuery = new URLSearchParams(query ?? '');
  return {
    kind: 'login',
    account: accountOf(undefined, form.get('login') ?? inQuery.get('login')),
    secret: textOf(form.get('password') ?? inQuery.get('password')),
  };
}

function readSession({ body }: LoginRequest): LoginTry {
  const params = paramsOf(body);
  return {
    kind: 'login',
    account: accountOf(params?.['db'], params?.['login']),
    secret: textOf(params?.['password']),
  };
}

function readJsonRpc({ body }: LoginRequest): LoginTry | undefined {
  const params = paramsOf(body);
  if (params === undefined) return { kind: 'unknown', account: undefined, secret: undefined };
  const args: readonly unknown[] = Array.isArray(params['args']) ? params['args'] : [];
  return readCall(params['service'], params['method'], args);
}

function readXmlRpc({ path, body }: LoginRequest): LoginTry | undefined {
  const service = xmlRpcService(path);
  const call = body === undefined ? undefined : readXmlRpcCall(body.toString());
  if (call !== undefined) return readCall(service, call.method, call.params);
  return service === 'common' ? { kind: 'login', account: undefined, secret: undefined } : nobody;
}

const nobody: LoginTry = { kind: 'rpc', account: undefined, secret: undefined };
/** odoo/service/db.py: these ask for no master password. */
const openDbMethods: ReadonlySet<unknown> = new Set([
  'db_exist',
  'list',
  'list_lang',
  'list_countries',
  'server_version',
]);

/** odoo/service/common.py, model.py and db.py. */
function readCall(service: unknown, method: unknown, args: readonly unknown[]): LoginTry | undefined {
  const [database, name, secret] = args;
  if (service === 'common') {
    if (method !== 'login' && method !== 'authenticate') return undefined;
    return { kind: 'login', account: accountOf(database, name), secret: textOf(secret) };
  }
  if (service === 'object') {
    const uid = readUid(name);
    const account = uid === undefined ? undefined : accountOf(database, `uid:${uid}`);
    return { kind: 'rpc', account, secret: textOf(secret) };
  }
  return service === 'db' && openDbMethods.has(method) ? undefined : nobody;
}

function accountOf(database: unknown, name: unknown): LoginAccount | undefined {
  return typeof name === 'string' && name !== '' ? { database: textOf(database), name } : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Odoo takes what Python's `int` takes, so that one user has many spellings. */
function readUid(value: unknown): number | undefined {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const uid = Math.trunc(
    typeof value === 'number' ? value : Number(value.replaceAll('_', '').trim() || 'none'),
  );
  return Number.isSafeInteger(uid) ? uid : undefined;
}

/** `params` of a JSON-RPC body; of a key that stands twice the last counts, here as in Python. */
function paramsOf(body: Buffer | undefined): Record<string, unknown> | undefined {
  if (body === undefined) return undefined;
  try {
    const message: unknown = JSON.parse(body.toString());
    return isObject(message) && isObject(message['params']) ? message['params'] : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
