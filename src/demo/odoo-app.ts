import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OdooRequest, routeOf } from './odoo-request.ts';
import {
  answerJson2,
  answerJsonRpc,
  authenticate,
  callKw,
  callService,
  isWrong,
  type RpcAnswer,
} from './odoo-rpc.ts';
import { answerXmlRpc } from './odoo-xml-rpc.ts';

/** What both ports of the stand-in may be told. */
export interface OdooAppOptions {
  /** Comes back in `x-odoo-stand-in`. */
  name: string;
  /** Extra time by path prefix, e.g. `{ '/report/': 2000 }`; the longest prefix counts. */
  delaysMs: Readonly<Record<string, number>>;
}

export interface OdooAnswer {
  status: number;
  /** Without length and connection fields, which the port adds. */
  fields: [name: string, value: string][];
  body: Buffer;
}

/** No delay is longer, however a request asks for it. */
const maxDelayMs = 10_000;
const maxDownloadBytes = 64 * 1024 * 1024;
const html = 'text/html; charset=utf-8';

/** Answers one request as Odoo 19 would, after the delay that its path or `x-stand-in-delay-ms` asks for. */
export async function answerOdoo(
  request: OdooRequest,
  { options, signal }: { options: OdooAppOptions; signal: AbortSignal },
): Promise<OdooAnswer> {
  const place = routeOf(request.path);
  const delayMs = delayOf(request, 'route' in place ? place.route : '', options.delaysMs);
  if (delayMs > 0) await sleep(delayMs, undefined, { signal });
  const fields: [string, string][] = [
    ['x-odoo-stand-in', options.name],
    ['x-seen', renderSeen(request)],
  ];
  if ('redirect' in place) {
    return {
      status: 308,
      fields: [...fields, ['Location', encodeURI(place.redirect)]],
      body: Buffer.alloc(0),
    };
  }
  const page = answerRoute(request, place.route);
  if (page.cookie) {
    // 84 characters, and neither Secure nor SameSite, as Odoo sets it.
    const id = randomBytes(63).toString('base64url');
    fields.push(['Set-Cookie', `session_id=${id}; Max-Age=604800; HttpOnly; Path=/`]);
  }
  if (page.maxAgeSeconds !== undefined)
    fields.push(['Cache-Control', `public, max-age=${page.maxAgeSeconds}`]);
  if (page.location !== undefined) fields.push(['Location', page.location]);
  fields.push(['Content-Type', page.contentType]);
  return {
    status: page.status,
    fields,
    body: typeof page.body === 'string' ? Buffer.from(page.body, 'utf8') : page.body,
  };
}

interface Page extends Omit<RpcAnswer, 'body'> {
  body: string | Buffer;
  cookie?: boolean;
  maxAgeSeconds?: number;
  location?: string;
}

const pages: Record<string, Page> = {
  '/': htmlPage('Home'),
  '/web': htmlPage('Odoo'),
  '/odoo': htmlPage('Odoo'),
  '/web/login': htmlPage('Login'),
  '/web/database/manager': htmlPage('Database Manager'),
  '/web/database/selector': htmlPage('Database Selector'),
  '/web/health': { status: 200, contentType: 'application/json', body: '{"status": "pass"}' },
  '/websocket/health': { status: 200, contentType: 'application/json', body: '{"status": "pass"}' },
  '/websocket': {
    status: 500,
    contentType: html,
    body: "<h1>Internal Server Error</h1><p>Couldn't bind the websocket. Is the connection opened on the evented port (8072)?</p>",
  },
};

function htmlPage(title: string): Page {
  return {
    status: 200,
    contentType: html,
    body: `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`,
    cookie: true,
  };
}

/** The form again with an error, or a way on, as Odoo's controller answers (addons/web/controllers/home.py). */
function answerLogin(request: OdooRequest): Page {
  const form = new URLSearchParams(request.body.toString());
  if (isWrong(form.get('password'))) {
    return {
      ...htmlPage('Login'),
      body: '<!DOCTYPE html><html><body><form action="/web/login"><p class="alert">Wrong login/password</p></form></body></html>',
    };
  }
  return { status: 303, contentType: html, body: '', cookie: true, location: '/odoo' };
}

function answerRoute(request: OdooRequest, route: string): Page {
  if (route === '/web/login' && request.method === 'POST') return answerLogin(request);
  if (Object.hasOwn(pages, route)) return pages[route] ?? notFound;
  if (route.startsWith('/odoo/')) return htmlPage('Odoo');
  if (route.startsWith('/my/') || route.startsWith('/shop/')) return htmlPage('Portal');
  const json2 = /^\/json\/2\/([^/]+)\/([^/]+)$/.exec(route);
  const isCall = /^\/web\/dataset\/call_(kw|button)(\/|$)/.test(route);
  const isSession = route === '/web/session/authenticate';
  if (
    json2 !== null ||
    isCall ||
    isSession ||
    route === '/jsonrpc' ||
    route === '/web/webclient/version_info'
  ) {
    if (request.method !== 'POST')
      return { status: 405, contentType: html, body: '<h1>Method Not Allowed</h1>' };
    if (json2 !== null) return answerJson2(request, json2[1] ?? '', json2[2] ?? '');
    if (isCall) return answerJsonRpc(request, callKw);
    if (isSession) return answerJsonRpc(request, authenticate);
    if (route === '/jsonrpc') return answerJsonRpc(request, callService);
    return answerJsonRpc(request, () => ({ value: { server_version: '19.0', server_serie: '19.0' } }));
  }
  if (/^\/xmlrpc\/(2\/)?(common|object|db)$/.test(route)) return answerXmlRpc(request.body, route);
  if (/^\/report\/(pdf|html|text)\//.test(route)) {
    return { status: 200, contentType: 'application/pdf', body: '%PDF-1.4\n% a delivery slip\n%%EOF\n' };
  }
  if (/^\/[a-z0-9_]+\/static\//.test(route)) {
    return {
      status: 200,
      contentType: 'text/css; charset=utf-8',
      body: 'body { margin: 0 }\n',
      maxAgeSeconds: 604_800,
    };
  }
  if (route.startsWith('/web/content/')) {
    const bytes = Number(new URLSearchParams(request.query).get('bytes') ?? 1024);
    return {
      status: 200,
      contentType: 'application/octet-stream',
      body: Buffer.alloc(Math.min(Math.max(0, bytes || 0), maxDownloadBytes), 'odoo'),
    };
  }
  return notFound;
}

const notFound: Page = { status: 404, contentType: html, body: '<h1>Not Found</h1>' };

function delayOf(request: OdooRequest, route: string, delaysMs: Readonly<Record<string, number>>): number {
  const asked = Number(request.headers.get('x-stand-in-delay-ms') ?? 0);
  let longest = '';
  for (const prefix of Object.keys(delaysMs)) {
    if (route.startsWith(prefix) && prefix.length > longest.length) longest = prefix;
  }
  const configured = delaysMs[longest] ?? 0;
  return Math.min(maxDelayMs, Math.max(configured, asked > 0 ? asked : 0));
}

/** Fields that a test of a gateway wants to see again; credentials and cookies are not among them. */
const shownFields = [
  'host',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
  'traceparent',
  'content-type',
  'content-length',
  'transfer-encoding',
];

/** `x-seen`: one line of JSON that says how the application understood the request. */
function renderSeen(request: OdooRequest): string {
  const headers: Record<string, string> = {};
  for (const name of shownFields) {
    const value = request.headers.get(name);
    if (value !== undefined) headers[name] = value.slice(0, 300);
  }
  const seen = {
    method: request.method,
    path: request.path.slice(0, 2000),
    query: request.query.slice(0, 2000),
    remoteAddress: request.remoteAddress,
    scheme: request.scheme,
    host: request.host,
    database: request.headers.get('x-odoo-database'),
    headers,
  };
  // A header value must be visible ASCII (RFC 9110 §5.5); JSON can say the rest with escapes.
  return JSON.stringify(seen).replace(/[^\x20-\x7e]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
