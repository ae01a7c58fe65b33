import { odooApiKey } from './gateway-config.ts';

// What nginx and HAProxy are told. Both keep connections in both directions without end, write no log, and have one worker:
// the same pass-through as the bare proxies, at their best.

export interface NativeJob {
  port: number;
  /** `host:port`. */
  upstream: string;
  /** The upstream answers HTTP/1.0 and closes. */
  oneShot: boolean;
}

/** Paths are taken relative to `-p`. */
export function nginxConfig({ port, upstream, oneShot }: NativeJob): string {
  const reuse = 'keepalive 1024; keepalive_requests 1000000000;';
  return `
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  upstream odoo { server ${upstream}; ${oneShot ? '' : reuse} }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://odoo;
      proxy_http_version ${oneShot ? '1.0' : '1.1'};
      proxy_set_header Connection "${oneShot ? 'close' : ''}";
      proxy_set_header Host $http_host;
    }
  }
}
`;
}

export function haproxyConfig(job: NativeJob): string {
  return `${haproxyGround}
frontend proxy
  bind 127.0.0.1:${job.port}
  default_backend odoo
${haproxyBackend(job)}`;
}

/**
 * The job of the gateway as far as HAProxy can do it: zone by host and path, token (signature, issuer, audience, expiry,
 * scope), tenant that agrees with the host, allow-list, three rates, Odoo's own key. It verifies every signature anew, and
 * has no access log here.
 */
export function haproxyJwtConfig(
  job: NativeJob,
  { issuer, publicKeyPath }: { issuer: string; publicKeyPath: string },
): string {
  return `${haproxyGround}
backend tenants
  stick-table type string len 64 size 100k expire 1h store http_req_rate(2s)
backend clients
  stick-table type string len 128 size 100k expire 1h store http_req_rate(2s)
backend zones
  stick-table type string len 64 size 1k expire 1h store http_req_rate(2s)
backend narrow
  stick-table type string len 64 size 1k expire 1h store http_req_rate(1h)

frontend proxy
  bind 127.0.0.1:${job.port}
  http-request set-var(txn.tenant) req.hdr(host),field(1,.)
  http-request set-var(txn.zone) req.hdr(host),field(2,.)
  http-request deny deny_status 404 unless { req.hdr(host) -m end .partner.erp.example .narrow.erp.example } { path_beg /json/2/ }

  http-request set-var(txn.token) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.token) -m found }
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
  http-request deny deny_status 401 unless { var(txn.token),jwt_verify(txn.alg,"${publicKeyPath}") -m int 1 }
  http-request deny deny_status 401 unless { var(txn.token),jwt_payload_query('$.iss') -m str ${issuer} }
  http-request deny deny_status 401 unless { var(txn.token),jwt_payload_query('$.aud') -m str bulkhead }
  http-request set-var(txn.now) date
  http-request deny deny_status 401 unless { var(txn.token),jwt_payload_query('$.exp','int'),sub(txn.now) -m int gt 0 }
  http-request deny deny_status 403 unless { var(txn.token),jwt_payload_query('$.scope') -m str edi.write }
  http-request set-var(txn.subject) var(txn.token),jwt_payload_query('$.sub')
  http-request deny deny_status 403 unless { var(txn.token),jwt_payload_query('$.tenant'),strcmp(txn.tenant) eq 0 }

  acl picking path -m reg ^/json/2/stock\\.picking/(read|search_read|button_validate)$
  acl order path -m reg ^/json/2/sale\\.order/(create|read|search_read)$
  http-request deny deny_status 403 unless picking or order

  http-request track-sc0 var(txn.tenant) table narrow if { var(txn.zone) -m str narrow }
  http-request deny deny_status 429 hdr Retry-After 3600 if { var(txn.zone) -m str narrow } { sc_http_req_rate(0) gt 1 }
  http-request track-sc0 var(txn.tenant) table tenants
  http-request track-sc1 var(txn.subject) table clients
  http-request track-sc2 var(txn.zone) table zones
  http-request deny deny_status 429 hdr Retry-After 2 if { sc_http_req_rate(0) gt 2000000 } or { sc_http_req_rate(1) gt 2000000 } or { sc_http_req_rate(2) gt 2000000 }

  http-request set-header Authorization "Bearer ${odooApiKey}"
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Bulkhead-Zone %[var(txn.zone)]
  http-request set-header X-Bulkhead-Tenant %[var(txn.tenant)]
  http-request set-header X-Bulkhead-Principal %[var(txn.subject)]
  http-request set-header X-Odoo-Database %[var(txn.tenant)]
  default_backend odoo
${haproxyBackend(job)}`;
}

const haproxyGround = `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
`;

/** `maxconn` stands for the seats. */
function haproxyBackend({ upstream, oneShot }: NativeJob): string {
  return `
backend odoo
  http-reuse ${oneShot ? 'never' : 'always'}
  ${oneShot ? 'option http-server-close' : ''}
  server odoo ${upstream} maxconn 1000
`;
}
