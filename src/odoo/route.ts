// hot path: asked for every request, more than once.

/**
 * What Odoo does on a path, as far as the gateway treats it in a way of its own.
 *
 * - `json-2`, `call-kw`, `json-rpc`, `xml-rpc`: calls of models; `other-call`: further ways to data, whose body is not read.
 * - `web-login`, `web-totp`, `web-session`: logins.
 * - `database`: the database manager.
 * - `report`, `export`, `import`, `attachment`, `webhook`: no calls, told apart by their load.
 */
export type OdooRoute =
  | 'json-2'
  | 'call-kw'
  | 'json-rpc'
  | 'xml-rpc'
  | 'other-call'
  | 'web-login'
  | 'web-totp'
  | 'web-session'
  | 'database'
  | 'report'
  | 'export'
  | 'import'
  | 'attachment'
  | 'webhook';

interface Entry {
  text: string;
  /** Whether nothing but one slash may follow; Odoo's routes take it (`strict_slashes=False`). */
  exact: boolean;
  route: OdooRoute;
}

/** Paths of Odoo 19 and its usual modules. One that ends with `*` is the beginning of a path; the first that fits counts. */
const paths: readonly (readonly [OdooRoute, readonly string[]])[] = [
  ['json-2', ['/json/2/*']],
  [
    'call-kw',
    [
      '/web/dataset/call_kw',
      '/web/dataset/call_kw/*',
      '/web/dataset/call_button',
      '/web/dataset/call_button/*',
    ],
  ],
  ['json-rpc', ['/jsonrpc']],
  ['xml-rpc', ['/xmlrpc/*']],
  ['database', ['/web/database/*']],
  ['web-login', ['/web/login']],
  ['web-totp', ['/web/login/totp']],
  ['web-session', ['/web/session/authenticate']],
  // Not `/report/barcode`: a worker that renders a report may fetch its images, and would wait behind the reports.
  ['report', ['/report/html/*', '/report/pdf/*', '/report/text/*', '/report/download*', '/stock/pdf/*']],
  ['report', ['/my/picking/*', '/shop/print*', '/pos/sale_details_report*', '/account/download_*']],
  ['report', ['/product/export/pricelist/*']],
  ['export', ['/web/export/csv*', '/web/export/xlsx*', '/web/pivot/export_xlsx*', '/mail/attachment/zip*']],
  ['import', ['/base_import/*']],
  ['attachment', ['/web/content*', '/web/image*', '/web/binary/*', '/mail/attachment/*']],
  ['webhook', ['/web/hook/*', '/payment/*', '/sms/status*', '/peppol/webhook*', '/nemhandel/webhook*']],
  ['other-call', ['/json/*', '/web/dataset/*', '/web/action/run*', '/web/export/*']],
];

const bySegment = indexPaths();

function indexPaths(): ReadonlyMap<string, readonly Entry[]> {
  const index = new Map<string, Entry[]>();
  for (const [route, list] of paths) {
    for (const path of list) {
      const exact = !path.endsWith('*');
      const text = exact ? path : path.slice(0, -1);
      const segment = text.split('/')[1] ?? '';
      const entries = index.get(segment) ?? [];
      entries.push({ text, exact, route });
      index.set(segment, entries);
    }
  }
  return index;
}

/**
 * The route by which Odoo may serve this canonical path; undefined for any other. With a website installed Odoo takes a language
 * off the path before it looks for a route (addons/http_routing/models/ir_http.py), so `/de/jsonrpc` is `/jsonrpc`. Which words
 * are languages only its database knows: any first segment may be one.
 */
export function findOdooRoute(path: string): OdooRoute | undefined {
  if (path === lastPath) return lastRoute;
  lastRoute = lookUp(path, 0) ?? lookUp(path, path.indexOf('/', 1));
  lastPath = path;
  return lastRoute;
}

/** The stages of a decision ask one after the other for the same path. */
let lastPath: string | undefined;
let lastRoute: OdooRoute | undefined;

function lookUp(path: string, at: number): OdooRoute | undefined {
  if (at === -1) return undefined;
  const end = path.indexOf('/', at + 1);
  const entries = bySegment.get(end === -1 ? path.slice(at + 1) : path.slice(at + 1, end));
  if (entries === undefined) return undefined;
  for (const { text, exact, route } of entries) {
    if (path.startsWith(text, at) && (!exact || isEnd(path, at + text.length))) return route;
  }
  return undefined;
}

function isEnd(path: string, at: number): boolean {
  return at === path.length || (at === path.length - 1 && path.charCodeAt(at) === 0x2f);
}
