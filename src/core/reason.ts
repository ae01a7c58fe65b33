/**
 * Every way in which the gateway refuses a request: one closed list. The codes are the same words in logs, metrics,
 * `explain`, policy tests, response bodies and `docs/reasons.md`.
 */
export const reasons = {
  // canonicalise
  framing_invalid: { status: 400, title: 'The request framing is ambiguous or malformed' },
  head_timeout: { status: 408, title: 'The request head came too slowly' },
  header_invalid: { status: 400, title: 'A header field is malformed' },
  header_too_large: { status: 431, title: 'The header section is too large' },
  host_invalid: { status: 400, title: 'The Host field is missing, repeated or malformed' },
  target_invalid: { status: 400, title: 'The request target is malformed' },
  target_too_long: { status: 414, title: 'The request target is too long' },
  path_ambiguous: { status: 400, title: 'The path can be read in more than one way' },
  path_not_canonical: { status: 400, title: 'The path is not written in its canonical form' },
  method_not_supported: { status: 501, title: 'The method is not supported' },
  version_not_supported: { status: 505, title: 'The HTTP version is not supported' },
  expectation_failed: { status: 417, title: 'The expectation cannot be met' },
  upgrade_invalid: { status: 400, title: 'The upgrade request is malformed or not supported' },
  // zone
  no_zone: { status: 404, title: 'No zone covers this request' },
  zone_ambiguous: { status: 403, title: 'More than one zone covers this request' },
  // address
  address_not_allowed: { status: 403, title: 'The client address is not allowed here' },
  address_rate_exceeded: { status: 429, title: 'Too many requests from this address' },
  too_many_failed_attempts: { status: 429, title: 'Too many failed attempts to authenticate' },
  // identify
  credentials_missing: { status: 401, title: 'Credentials are missing' },
  token_malformed: { status: 401, title: 'The token is malformed' },
  token_algorithm_not_allowed: {
    status: 401,
    title: 'The token is signed with an algorithm that is not allowed',
  },
  token_key_unknown: { status: 401, title: 'The token is signed with an unknown key' },
  token_signature_invalid: { status: 401, title: 'The token signature is invalid' },
  token_expired: { status: 401, title: 'The token has expired' },
  token_not_yet_valid: { status: 401, title: 'The token is not valid yet' },
  token_issuer_not_allowed: { status: 401, title: 'The token issuer is not allowed here' },
  token_audience_not_allowed: { status: 401, title: 'The token is meant for another audience' },
  token_claims_invalid: { status: 401, title: 'A token claim is missing or malformed' },
  certificate_malformed: { status: 401, title: 'The client certificate is malformed' },
  certificate_not_trusted: {
    status: 401,
    title: 'The client certificate is not issued by a trusted authority',
  },
  certificate_expired: { status: 401, title: 'The client certificate has expired or is not valid yet' },
  certificate_not_for_clients: {
    status: 401,
    title: 'The certificate is not meant for client authentication',
  },
  identity_provider_unavailable: { status: 503, title: 'The identity provider cannot be reached' },
  // tenant
  tenant_unknown: { status: 403, title: 'The tenant is unknown' },
  tenant_missing: { status: 403, title: 'Nothing in the request names a tenant' },
  tenant_mismatch: { status: 403, title: 'Parts of the request name different tenants' },
  // authorise
  scope_missing: { status: 403, title: 'The token lacks a required scope' },
  odoo_method_not_allowed: { status: 403, title: 'This Odoo model and method are not allowed here' },
  parameter_not_allowed: { status: 403, title: 'A query parameter is not allowed here' },
  odoo_call_unreadable: { status: 403, title: 'The Odoo call cannot be read, so it cannot be allowed' },
  origin_not_allowed: { status: 403, title: 'The WebSocket origin is not allowed' },
  // workload
  workload_not_served: { status: 403, title: 'The zone has no pool for this kind of request' },
  // limit
  limit_exceeded: { status: 429, title: 'A rate limit is exceeded' },
  limit_store_unavailable: { status: 503, title: 'The rate limit store cannot be reached' },
  // route
  pool_down: { status: 503, title: 'No worker of this pool is available' },
  pool_queue_full: { status: 503, title: 'The workers are busy and the queue is full' },
  pool_queue_timeout: { status: 503, title: 'The workers stayed busy for too long' },
  tenant_share_exceeded: { status: 429, title: 'The workers are busy, most of them for this tenant' },
  // forward
  body_too_large: { status: 413, title: 'The request body is too large' },
  spool_full: { status: 503, title: 'The gateway has no room for the request body now' },
  body_timeout: { status: 408, title: 'The request body came too slowly' },
  upstream_unreachable: { status: 502, title: 'The upstream server cannot be reached' },
  upstream_invalid: { status: 502, title: 'The upstream server gave no valid answer' },
  upstream_timeout: { status: 504, title: 'The upstream server took too long' },
  client_gone: { status: 499, title: 'The client went away before it had an answer' },
  client_stalled: { status: 499, title: 'The client takes nothing of what is sent to it' },
  upstream_stalled: { status: 504, title: 'The upstream server takes nothing of what is sent to it' },
  internal_error: { status: 500, title: 'The gateway failed' },
} as const satisfies Record<string, { status: number; title: string }>;

export type Reason = keyof typeof reasons;
