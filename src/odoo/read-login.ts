import { readUid, xmlRpcService } from './read-call.ts';
import { readJsonParams, readJsonRpc, readXmlRpc, type Scalar } from './read-rpc.ts';
import type { LoginRoute } from './login-route.ts';

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
      return readJson(request);
    case 'xml-rpc':
      return readXml(request);
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
    account: accountOf(undefined, form.get('login') ?? inQuery.get('login') ?? undefined),
    secret: textOf(form.get('password') ?? inQuery.get('password') ?? undefined),
  };
}

function readSession({ body }: LoginRequest): LoginTry {
  const params = body === undefined ? undefined : readJsonParams(body, ['db', 'login', 'password']);
  return {
    kind: 'login',
    account: accountOf(params?.get('db'), params?.get('login')),
    secret: textOf(params?.get('password')),
  };
}

function readJson({ body }: LoginRequest): LoginTry | undefined {
  const call = body === undefined ? undefined : readJsonRpc(body);
  if (call === undefined) return { kind: 'unknown', account: undefined, secret: undefined };
  return readCall(call.service, call.method, call.heads);
}

function readXml({ path, body }: LoginRequest): LoginTry | undefined {
  const service = xmlRpcService(path);
  const call = body === undefined ? undefined : readXmlRpc(service, body);
  if (call !== undefined) return readCall(service, call.method, call.heads);
  return service === 'common' ? { kind: 'login', account: undefined, secret: undefined } : nobody;
}

const nobody: LoginTry = { kind: 'rpc', account: undefined, secret: undefined };
/** odoo/service/db.py: these ask for no master password. */
const openDbMethods: ReadonlySet<string> = new Set([
  'db_exist',
  'list',
  'list_lang',
  'list_countries',
  'server_version',
]);

/** odoo/service/common.py, model.py and db.py. */
function readCall(service: string, method: string, heads: readonly Scalar[]): LoginTry | undefined {
  const [database, name, secret] = heads;
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

function accountOf(database: Scalar, name: Scalar): LoginAccount | undefined {
  return typeof name === 'string' && name !== '' ? { database: textOf(database), name } : undefined;
}

function textOf(value: Scalar): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
