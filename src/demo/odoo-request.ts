/**
 * A request as an Odoo application sees it, after everything that Python's `http.server`, werkzeug and `ProxyFix` do to it.
 * The leniency is the point: what a gateway lets through must mean the same here as it meant to the gateway.
 */
export interface OdooRequest {
  method: string;
  /** The request-target as it came. */
  target: string;
  /** Decoded once; may still begin with several slashes. */
  path: string;
  /** Without `?`, empty when there is none. */
  query: string;
  /** Peer, or the last `X-Forwarded-For` value when `X-Forwarded-Host` is there as well. */
  remoteAddress: string;
  scheme: string;
  host: string;
  /** By lower-case name; repeated fields joined with a comma, fields with `_` in their name dropped. */
  headers: ReadonlyMap<string, string>;
  body: Buffer;
}

/** What the wire gave: the target is taken apart by the rules of the port that it came in on. */
export interface WireRequest {
  method: string;
  target: string;
  path: string;
  query: string;
  /** Host of an absolute-form target. */
  targetHost: string | undefined;
  /** `[name, value]` in the order they came. */
  fields: readonly (readonly [name: string, value: string])[];
  peerAddress: string;
  body: Buffer;
}

/** Header rules of werkzeug's `make_environ`, then `ProxyFix(x_for=1, x_proto=1, x_host=1)`. */
export function toOdooRequest(wire: WireRequest): OdooRequest {
  const headers = joinFields(wire.fields);
  if (wire.targetHost !== undefined) headers.set('host', wire.targetHost);
  const forwardedHost = lastValue(headers.get('x-forwarded-host'));
  // Odoo applies none of the three without X-Forwarded-Host.
  const forwarded = (name: string): string | undefined =>
    forwardedHost === undefined ? undefined : lastValue(headers.get(name));
  return {
    method: wire.method,
    target: wire.target,
    path: wire.path,
    query: wire.query,
    remoteAddress: forwarded('x-forwarded-for') ?? wire.peerAddress,
    scheme: forwarded('x-forwarded-proto') ?? 'http',
    host: forwardedHost ?? headers.get('host') ?? '',
    headers,
    body: wire.body,
  };
}

function joinFields(fields: WireRequest['fields']): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [rawName, value] of fields) {
    if (rawName.includes('_')) continue;
    const name = rawName.toLowerCase();
    const before = headers.get(name);
    // CGI has these two without HTTP_ prefix, and werkzeug lets the last one win there.
    const joins = before !== undefined && name !== 'content-length' && name !== 'content-type';
    headers.set(name, joins ? `${before},${value}` : value);
  }
  return headers;
}

function lastValue(list: string | undefined): string | undefined {
  const last = list?.split(',').at(-1)?.trim();
  return last === '' ? undefined : last;
}

/**
 * The target as Python's `http.server` and `urllib.parse.urlsplit` read it: leading slashes become one, a scheme and
 * authority are taken for the host, `?` and `#` end the path, and the path is percent-decoded once.
 */
export function splitTargetLikeWerkzeug(target: string): Pick<WireRequest, 'path' | 'query' | 'targetHost'> {
  const reduced = target.startsWith('//') ? `/${target.replace(/^\/+/, '')}` : target;
  // oxlint-disable-next-line no-control-regex -- urlsplit strips exactly these
  let rest = reduced.replace(/^[\0-\x20]+/, '').replace(/[\t\r\n]/g, '');
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*(?=:)/.exec(rest)?.[0];
  if (scheme !== undefined) rest = rest.slice(scheme.length + 1);
  let authority = '';
  if (rest.startsWith('//')) {
    authority = /^[^/?#]*/.exec(rest.slice(2))?.[0] ?? '';
    rest = rest.slice(2 + authority.length);
  }
  const beforeFragment = rest.split('#', 1)[0] ?? '';
  const mark = beforeFragment.indexOf('?');
  const rawPath = mark === -1 ? beforeFragment : beforeFragment.slice(0, mark);
  return {
    // An authority without a scheme was the beginning of a path with two slashes.
    path: percentDecodeOnce(scheme === undefined && authority !== '' ? `/${authority}${rawPath}` : rawPath),
    query: mark === -1 ? '' : beforeFragment.slice(mark + 1),
    targetHost: scheme !== undefined && authority !== '' ? authority : undefined,
  };
}

/** The target as gevent's pywsgi reads it: everything before the first `?` is the path, `#` and schemes included. */
export function splitTargetLikeGevent(target: string): Pick<WireRequest, 'path' | 'query' | 'targetHost'> {
  const mark = target.indexOf('?');
  return {
    path: percentDecodeOnce(mark === -1 ? target : target.slice(0, mark)),
    query: mark === -1 ? '' : target.slice(mark + 1),
    targetHost: undefined,
  };
}

/** Python's `unquote`: one pass, bad escapes stay as they are, bytes that are not UTF-8 become U+FFFD. */
export function percentDecodeOnce(text: string): string {
  if (!text.includes('%')) return text;
  // oxlint-disable-next-line no-control-regex -- runs of ASCII, as unquote does it
  return text.replace(/[\0-\x7f]+/g, (run) => {
    const bytes: number[] = [];
    for (let i = 0; i < run.length; i++) {
      const hex = run[i] === '%' ? /^[0-9A-Fa-f]{2}/.exec(run.slice(i + 1, i + 3))?.[0] : undefined;
      bytes.push(hex === undefined ? run.charCodeAt(i) : Number.parseInt(hex, 16));
      if (hex !== undefined) i += 2;
    }
    return Buffer.from(bytes).toString('utf8');
  });
}

/** Installed website languages, which Odoo's `http_routing` takes off the path before it looks again. */
const languages = ['de', 'de_DE'];

/** Where the request is routed to, or where werkzeug redirects it because of doubled slashes. */
export function routeOf(path: string): { route: string } | { redirect: string } {
  const rooted = `/${path.replace(/^\/+/, '')}`;
  if (rooted.includes('//')) return { redirect: rooted.replace(/\/{2,}/g, '/') };
  // Odoo's rules are not strict about a slash at the end.
  const trimmed = rooted.length > 1 && rooted.endsWith('/') ? rooted.slice(0, -1) : rooted;
  const [, first = '', ...others] = trimmed.split('/');
  return { route: languages.includes(first) ? `/${others.join('/')}` : trimmed };
}
