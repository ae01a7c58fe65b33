import type { CompiledIdentify } from '../auth/compile.ts';
import type { Cidr } from '../core/ip.ts';
import type { Tier } from '../core/tenant.ts';

import type { Workload } from '../core/workload.ts';
import type { CompiledLimit } from '../limits/compile.ts';
import type { ZoneLimit } from '../limits/governing-limit.ts';
import type { OdooAllowList } from '../odoo/allow.ts';
import type { CallRules } from '../odoo/call-options.ts';
import type { WorkloadRules } from '../odoo/workload.ts';
import type { TenantRule } from '../tenants/resolve.ts';
import type { CanaryRule } from './canary.ts';
import type { TenantRegistry } from '../tenants/registry.ts';
import type { ZoneTable } from '../zones/table.ts';

/** Which pool serves a workload of a tier, and the line that says so. */
export interface PoolChoice {
  pool: string;
  at: string;
}

/** One zone file, compiled. */
export interface CompiledZone {
  name: string;
  /** Line of `match`. */
  at: string;
  address: {
    allow: readonly Cidr[] | undefined;
    deny: readonly Cidr[] | undefined;
    guard: CompiledLimit | undefined;
    at: string;
  };
  /** Whether failed attempts are counted, and the line that says so. */
  bruteForce: { enabled: boolean; at: string };
  /** Largest request body, where the zone has a bound of its own: at most what its pools take. */
  maxBody?: { bytes: number; at: string };
  identify: CompiledIdentify;
  tenant: TenantRule | undefined;
  odoo: OdooAllowList | undefined;
  calls: CallRules;
  workload: WorkloadRules;
  limits: readonly ZoneLimit[];
  pools: Readonly<Partial<Record<Workload, PoolChoice>>>;
  poolsByTier: Readonly<Partial<Record<Tier, Partial<Record<Workload, PoolChoice>>>>>;
  /** Who is sent to other pools than the rest, to try a new version. */
  canary?: CanaryRule;
  forwarding: {
    /** Whether the client's Authorization field goes on to Odoo. */
    passAuthorization: boolean;
    /** Header fields that pass beside the usual ones, lower case; one that ends with `*` is a prefix. */
    passFields: readonly string[];
  };
  /** Undefined when answers pass as Odoo gave them. */
  answers: AnswerPolicy | undefined;
}

/** A kind of business transaction, by the calls that it consists of. */
export interface TransactionOptions {
  name: string;
  model: string;
  methods: readonly string[];
}

/** What a zone says of the answers that pass through it. */
export interface AnswerPolicy {
  /** Flat list of fields that every answer gets, names in lower case. */
  set: readonly string[];
  /** Names of fields of Odoo's that end here: those that are removed, and those that are set instead. */
  replaced: ReadonlySet<string>;
  /** Whether tracebacks are taken off Odoo's errors. */
  hideTracebacks: boolean;
}

/** Everything that a decision needs, compiled once per configuration and never changed; a reload swaps the whole. */
export interface Snapshot {
  /** Short hash of the configuration, the same on every instance that runs it. */
  version: string;
  /** Proxies whose forwarded fields are believed. */
  trustedProxies: readonly Cidr[];
  zones: ZoneTable;
  zonesByName: ReadonlyMap<string, CompiledZone>;
  tenants: TenantRegistry;
  /** Calls that are counted as business transactions. */
  transactions: readonly TransactionOptions[];
}
