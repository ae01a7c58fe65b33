// hot path

/**
 * The first of `routes` by which Odoo may serve this canonical path, each the beginning of one; undefined when none does.
 * With a website installed Odoo takes a language off the path before it looks for a route
 * (addons/http_routing/models/ir_http.py), so `/de/jsonrpc` is `/jsonrpc`; which words are languages, only its database knows.
 */
export function findRoute(path: string, routes: readonly string[]): string | undefined {
  const behindFirst = path.indexOf('/', 1);
  for (const route of routes) {
    if (path.startsWith(route) || path.startsWith(route, behindFirst)) return route;
  }
  return undefined;
}
