// hot path: reads the call in a body, for requests whose zone has to know it.
import type { Facts, OdooCall } from '../core/facts.ts';
import { fieldValue } from '../core/fields.ts';
import { ownText } from '../core/own-text.ts';
import { readJson2 } from './read-json2.ts';
import {
  readCallKw,
  readJson2Size,
  readJsonParams,
  readJsonRpc,
  readXmlRpc,
  type RpcCall,
  type Scalar,
} from './read-rpc.ts';
import type { OdooRoute } from './route.ts';

/** Routes with a call that only the body tells, or tells the size of. */
export type CallRoute = Extract<
  OdooRoute,
  'json-2' | 'call-kw' | 'json-rpc' | 'xml-rpc' | 'web-login' | 'web-session'
>;

/**
 * The call in a request, as Odoo will read it; undefined when the body is not one, or can be read in more than one way. Duplicate
 * keys, a DOCTYPE, another encoding than UTF-8 and what else one parser may take for something else count as unreadable.
 */
export function readCall(route: CallRoute, facts: Facts, body: Buffer): OdooCall | undefined {
  const call = readRoute(route, facts, body);
  if (call === undefined || isTooLong(call)) return undefined;
  return body.length > largestKeptText ? withOwnNames(call) : call;
}

/** What is read is a view of the text that it was read from; one of a megabyte must not wait for a worker beside the body itself. */
const largestKeptText = 8_192;

function withOwnNames(call: OdooCall): OdooCall {
  return {
    ...call,
    model: ownText(call.model),
    method: ownText(call.method),
    database: call.database && ownText(call.database),
    login: call.login && ownText(call.login),
  };
}

/** No name in Odoo is longer, nor is one of PostgreSQL; what is read goes into log lines and keys. */
const longestName = 256;

function isTooLong({ model, method, database = '', login = '' }: OdooCall): boolean {
  return Math.max(model.length, method.length, database.length, login.length) > longestName;
}

function readRoute(route: CallRoute, facts: Facts, body: Buffer): OdooCall | undefined {
  switch (route) {
    case 'json-2':
      return readJson2Call(facts.path, body);
    case 'call-kw': {
      const call = readCallKw(body);
      return call === undefined
        ? undefined
        : {
            protocol: 'web',
            service: 'object',
            model: call.model,
            method: call.method,
            database: undefined,
            login: undefined,
            sized: true,
            records: call.records,
            limit: call.limit,
          };
    }
    case 'json-rpc':
      return callOf('json-rpc', readJsonRpc(body));
    case 'xml-rpc':
      return callOf('xml-rpc', readXmlRpc(xmlRpcService(facts.path), body));
    case 'web-session': {
      const params = readJsonParams(body, ['db', 'login']);
      return params && loginCall('web', params.get('db'), params.get('login'));
    }
    case 'web-login':
      return readLoginForm(facts, body);
  }
}

/** The service that an XML-RPC path names, such as `common`, `object` or `db`; empty when it names none. */
export function xmlRpcService(path: string): string {
  return /\/xmlrpc\/(?:2\/)?([a-z]+)\/?$/.exec(path)?.[1] ?? '';
}

/** The call that the path of a JSON-2 request names, behind a website language too. */
export function readJson2Path(path: string): OdooCall | undefined {
  return readJson2(path) ?? readJson2(path.slice(path.indexOf('/', 1)));
}

/** Its body tells the size of a call alone: one that cannot be read leaves it open. */
function readJson2Call(path: string, body: Buffer): OdooCall | undefined {
  const call = readJson2Path(path);
  const size = body.length === 0 ? { records: undefined, limit: undefined } : readJson2Size(body);
  return call && size && { ...call, sized: true, records: size.records, limit: size.limit };
}

/** odoo/service/model.py, common.py and db.py. */
function callOf(protocol: 'json-rpc' | 'xml-rpc', rpc: RpcCall | undefined): OdooCall | undefined {
  if (rpc === undefined) return undefined;
  const { service, method, heads, records, limit } = rpc;
  const [database, user, , model, name] = heads;
  if (service === 'object') {
    if (method !== 'execute_kw' && method !== 'execute') return undefined;
    if (typeof database !== 'string' || typeof model !== 'string' || typeof name !== 'string')
      return undefined;
    const uid = readUid(user);
    const login = uid === undefined ? undefined : `uid:${uid}`;
    return { protocol, service, model, method: name, database, login, sized: true, records, limit };
  }
  if (service === 'common') {
    if (method !== 'login' && method !== 'authenticate') return serviceCall(protocol, service, method);
    return typeof database === 'string'
      ? { ...loginCall(protocol, database, typeof user === 'string' ? user : undefined), method }
      : undefined;
  }
  return service === 'db' ? serviceCall(protocol, service, method) : undefined;
}

function serviceCall(protocol: OdooCall['protocol'], service: 'common' | 'db', method: string): OdooCall {
  return {
    protocol,
    service,
    model: '',
    method,
    database: undefined,
    login: undefined,
    sized: true,
    records: undefined,
    limit: undefined,
  };
}

function loginCall(
  protocol: OdooCall['protocol'],
  database: string | undefined,
  login: string | undefined,
): OdooCall {
  return { ...serviceCall(protocol, 'common', 'authenticate'), database, login };
}

/**
 * Fields of the body stand above those of the query, and the first of several counts (odoo/http.py get_http_params); of two
 * databases neither may be overlooked. A form in parts is none that Odoo's page sends.
 */
function readLoginForm(facts: Facts, body: Buffer): OdooCall | undefined {
  const type = fieldValue(facts.fields, 'content-type');
  if (body.length > 0 && type !== undefined && !/^application\/x-www-form-urlencoded\s*(;|$)/i.test(type))
    return undefined;
  const form = new URLSearchParams(body.toString());
  if (form.getAll('db').length > 1) return undefined;
  const login = form.get('login') ?? new URLSearchParams(facts.query ?? '').get('login') ?? undefined;
  return loginCall('web', form.get('db') || undefined, login);
}

/** Odoo takes what Python's `int` takes, so that one user has many spellings. */
export function readUid(value: Scalar): number | undefined {
  if (typeof value === 'boolean') return Number(value);
  if (value === undefined) return undefined;
  const uid = Math.trunc(
    typeof value === 'number' ? value : Number(value.replaceAll('_', '').trim() || 'none'),
  );
  return Number.isSafeInteger(uid) ? uid : undefined;
}
