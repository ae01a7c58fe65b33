import type { LoginTry } from './read-login.ts';
import type { LoginRoute } from './login-route.ts';

/** `unknown`: the answer does not say whether the secret was right; Odoo may not even have looked at it. */
export type LoginOutcome = 'accepted' | 'denied' | 'unknown';

export interface LoginAnswer {
  status: number;
  location: string | undefined;
  /** How its content begins, as far as it was read; undefined when it is not in plain text. */
  head: string | undefined;
  /** Whether `head` is all of it. */
  whole: boolean;
}

/** Whether the outcome stands in the body of the answer. */
export function isOutcomeInBody(route: LoginRoute): boolean {
  return route === 'web-session' || route === 'json-rpc' || route === 'xml-rpc';
}

/** What Odoo's answer says about the secret. */
export function readLoginOutcome(route: LoginRoute, { kind }: LoginTry, answer: LoginAnswer): LoginOutcome {
  switch (route) {
    case 'web-login':
    case 'web-totp':
      return readPage(answer);
    case 'json-2':
      if (answer.status === 401) return 'denied';
      return answer.status >= 200 && answer.status < 300 ? 'accepted' : 'unknown';
    case 'web-session':
    case 'json-rpc':
      return readJson(route, kind, answer);
    case 'xml-rpc':
      return readXml(kind, answer);
  }
}

/**
 * The form again, or a way on. Odoo also redirects where it has not looked at a password: 302 when the database of the session
 * changes, 303 to the database selector or back to the form (addons/web/controllers/utils.py, addons/auth_totp).
 */
function readPage({ status, location }: LoginAnswer): LoginOutcome {
  if (status === 200) return 'denied';
  if (status !== 303 || location === undefined) return 'unknown';
  const path = location.replace(/^https?:\/\/[^/]*/, '');
  return /\/web\/(database\/|login\/?($|[?#]))/.test(path) ? 'unknown' : 'accepted';
}

function readJson(
  route: LoginRoute,
  kind: LoginTry['kind'],
  { status, head, whole }: LoginAnswer,
): LoginOutcome {
  if (status !== 200 || head === undefined) return 'unknown';
  if (!whole) return readLargeJson(kind, head);
  const message = parse(head);
  if (!isObject(message)) return 'unknown';
  if ('error' in message) {
    const { error } = message;
    const data = isObject(error) ? error['data'] : undefined;
    return isObject(data) && data['name'] === 'odoo.exceptions.AccessDenied' ? 'denied' : 'unknown';
  }
  if (!('result' in message)) return 'unknown';
  const { result } = message;
  // A session: `uid` is null when the password was right and a second factor is still missing (session.py).
  if (route === 'web-session') return isObject(result) && 'uid' in result ? 'accepted' : 'unknown';
  if (kind === 'rpc') return 'accepted';
  if (result === false) return 'denied';
  return kind === 'login' && typeof result === 'number' ? 'accepted' : 'unknown';
}

/** Odoo writes these keys in this order (odoo/http.py JsonRPCDispatcher). */
const largeAnswer = /^\s*\{\s*"jsonrpc":\s*"2\.0",\s*"id":\s*(?:"[^"\\]*"|[^",{[]+),\s*"(result|error)":/;

/** A refusal is short. Only the id, which the caller chooses, could make it long; nobody with honest reasons has such an id. */
function readLargeJson(kind: LoginTry['kind'], head: string): LoginOutcome {
  const key = largeAnswer.exec(head)?.[1];
  if (key === undefined) return 'denied';
  return key === 'result' && kind === 'rpc' ? 'accepted' : 'unknown';
}

const blanks = '[ \\t\\r\\n]*';
const declaration = `^${blanks}(?:<\\?xml[^<>]*\\?>)?${blanks}<methodResponse>${blanks}`;
/** Number 3 on `/xmlrpc/2`, a text on `/xmlrpc` (addons/rpc/controllers/xmlrpc.py). */
const deniedFault = new RegExp(
  `${declaration}<fault>${blanks}<value>${blanks}<struct>${blanks}<member>${blanks}<name>faultCode</name>${blanks}<value>${blanks}<(?:int>3</int|string>AccessDenied</string)>`,
);
const firstValue = new RegExp(
  `${declaration}<params>${blanks}<param>${blanks}<value>${blanks}<(boolean|int)>([01]?)`,
);
const anyResult = new RegExp(`${declaration}<params>`);

/** What is asked for stands at the beginning, however long the rest is. */
function readXml(kind: LoginTry['kind'], { status, head }: LoginAnswer): LoginOutcome {
  if (status !== 200 || head === undefined) return 'unknown';
  if (deniedFault.test(head)) return 'denied';
  if (kind === 'rpc') return anyResult.test(head) ? 'accepted' : 'unknown';
  const value = firstValue.exec(head);
  if (value === null) return 'unknown';
  if (value[1] === 'int') return 'accepted';
  return value[2] === '0' ? 'denied' : 'unknown';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
