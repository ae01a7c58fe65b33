import type { Clock } from '../core/clock.ts';
import { combinedFieldValue } from '../core/fields.ts';
import { nearestName } from '../core/nearest-name.ts';
import { newRequestId } from '../core/request-id.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { ZoneLimit } from '../limits/governing-limit.ts';
import type { AuditLog } from '../telemetry/audit.ts';
import { BearerGate, forgetMs } from './bearer.ts';
import { readBudgetKey } from './budget-key.ts';
import { type Change, changeBudget } from './limit-changes.ts';
import type { BudgetName, LimitProcesses } from './limit-questions.ts';
import { findBudget, type LimitScope, nameAllBudgets } from './limit-scope.ts';
import { findUnknownParameter, type LimitTarget, readCount, readLimitTarget } from './limit-target.ts';
import { type Shown, showBudget, showLimits, showRefused } from './limit-views.ts';

/** What `/limits` stands on. */
export interface LimitAdmin {
  /** Of the configuration in force. */
  scope(): LimitScope;
  /** The secret that allows changes; without one nobody may make any. */
  token(): string | undefined;
  processes: LimitProcesses;
  audit: AuditLog;
  clock: Clock;
  /** Counts an act or an attempt. */
  onChange: (action: Change['action'], outcome: 'done' | 'refused' | 'unknown') => void;
}

interface NamedBudget {
  limit: ZoneLimit;
  budget: BudgetName;
}

const mostListed = 1000;
const usage =
  'There are GET /limits, /limits/refused and /limits/<zone>/<name>?key=<key>, and POST /limits/<zone>/<name>/reset?key=<key> and /limits/<zone>/<name>/grant?key=<key>&tokens=<number>.';

/** Shows the budgets of limits to whoever reaches the admin listener, and changes them for whoever has the token. */
export class LimitRoutes {
  readonly #admin: LimitAdmin;
  readonly #gate: BearerGate;

  constructor(admin: LimitAdmin) {
    this.#admin = admin;
    this.#gate = new BearerGate(admin.clock);
  }

  /** Answers once. Rejects for a fault of ours. */
  async respond(exchange: Exchange): Promise<void> {
    const requestId = newRequestId();
    const { status, body, fields = [] } = await this.#find(exchange, requestId);
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    // Whatever stands in front must not show the budget of an hour ago.
    const common = ['content-type', type, 'cache-control', 'no-store', 'x-request-id', requestId];
    exchange.answer(status, [...common, ...fields], `${JSON.stringify(body)}\n`);
  }

  async #find(exchange: Exchange, requestId: string): Promise<Shown> {
    const target = readLimitTarget(exchange.target);
    if (target === undefined) {
      const fix = 'Write each parameter once, and percent-encode its value.';
      return problem(400, 'The target cannot be read.', fix);
    }
    const { method } = exchange;
    if (target.action === undefined)
      return method === 'GET' || method === 'HEAD' ? await this.#look(target) : notAllowed('GET, HEAD');
    return method === 'POST' ? await this.#change(exchange, target, requestId) : notAllowed('POST');
  }

  async #look(target: LimitTarget): Promise<Shown> {
    const { processes } = this.#admin;
    const { view, parameters } = target;
    if (view === 'budget') {
      const read = this.#readBudget(target, []);
      return 'limit' in read ? await showBudget(processes, read.limit, read.budget) : read;
    }
    const unknown = findUnknownParameter(parameters, view === 'refused' ? ['count'] : []);
    if (unknown !== undefined) return problem(400, unknown.title, unknown.detail);
    if (view === 'limits') return await showLimits(processes);
    const count = readCount(parameters.get('count') ?? '50', mostListed);
    if (count !== undefined) return await showRefused(processes, count);
    return problem(400, 'The count cannot be read.', `Write a whole number from 1 to ${mostListed}.`);
  }

  async #change(exchange: Exchange, target: LimitTarget, requestId: string): Promise<Shown> {
    const action = target.action ?? 'reset';
    const refusal = this.#refuseCaller(exchange, { action, limit: target.limit, requestId });
    if (refusal !== undefined) return refusal;
    const read = this.#readBudget(target, action === 'grant' ? ['tokens'] : []);
    if (!('limit' in read)) return read;
    const change = readChange(action, target.parameters);
    if (change === undefined)
      return problem(400, 'How many tokens?', 'Add &tokens= with a whole number from 1 to 1000000000.');
    if (read.limit.kind === 'inFlight') {
      const fix =
        'A slot is free when its request ends; those of an instance that crashed are free soon after.';
      return problem(409, `${read.budget.limit} counts requests in progress.`, fix);
    }
    const { outcome, shown, about } = await changeBudget(this.#admin.processes, read.budget, change);
    this.#admin.onChange(action, outcome);
    this.#admin.audit.record({
      action: `limit_${action}`,
      outcome,
      by: 'admin.token',
      from: exchange.peerAddress,
      requestId,
      about: { ...read.budget, ...about },
    });
    return shown;
  }

  /** The budget that a target names, or what is wrong with it. */
  #readBudget({ limit: name, parameters }: LimitTarget, more: readonly string[]): NamedBudget | Shown {
    const scope = this.#admin.scope();
    const limit = findBudget(scope, name)?.limit;
    if (limit === undefined) return unknownLimit(scope, name);
    const unknown = findUnknownParameter(parameters, ['key', ...more]);
    if (unknown !== undefined) return problem(400, unknown.title, unknown.detail);
    const text = parameters.get('key');
    if (text === undefined) return problem(400, `Whose budget of ${name}?`, 'Add ?key=, such as ?key=acme.');
    const zone = name.slice(0, name.indexOf('/'));
    const read = readBudgetKey(text, { zone, name, kind: limit.key, tenants: scope.tenants.byId });
    if ('key' in read) return { limit, budget: { limit: name, key: read.key } };
    return problem(400, 'Nobody can have this key.', read.problem);
  }

  /** Undefined for whoever may make changes. */
  #refuseCaller(
    exchange: Exchange,
    { action, limit, requestId }: { action: Change['action']; limit: string; requestId: string },
  ): Shown | undefined {
    const { audit, onChange } = this.#admin;
    const token = this.#admin.token();
    if (token === undefined) {
      onChange(action, 'refused');
      const fix =
        'gateway.yaml has no admin.token; with admin: { token: "${file:/run/secrets/admin-token}" } whoever knows it may make changes.';
      return problem(403, 'Changes are switched off.', fix);
    }
    const verdict = this.#gate.judge(combinedFieldValue(exchange.fields, 'authorization'), token);
    if (verdict === 'right') return undefined;
    onChange(action, 'refused');
    if (verdict === 'too_many') {
      const fields = ['retry-after', String(Math.ceil(forgetMs / 1000))];
      return { ...problem(429, 'Too many wrong tokens.', 'The right one is taken at any time.'), fields };
    }
    audit.record({
      action: `limit_${action}`,
      outcome: 'refused',
      by: undefined,
      from: exchange.peerAddress,
      requestId,
      about: { limit: limit.slice(0, 200), cause: `the token is ${verdict}` },
    });
    const fix = 'Send Authorization: Bearer and the value of admin.token.';
    return {
      ...problem(401, verdict === 'missing' ? 'A token is needed.' : 'The token is wrong.', fix),
      fields: ['www-authenticate', 'Bearer realm="bulkhead admin"'],
    };
  }
}

function readChange(action: Change['action'], parameters: ReadonlyMap<string, string>): Change | undefined {
  if (action === 'reset') return { action };
  const tokens = readCount(parameters.get('tokens') ?? '', 1_000_000_000);
  return tokens === undefined ? undefined : { action, tokens };
}

function unknownLimit(scope: LimitScope, name: string): Shown {
  if (name.endsWith('/@address-guard')) {
    const why = 'Each process keeps it for itself, and it refills within seconds.';
    return problem(409, 'The guard of a zone cannot be looked at.', why);
  }
  if (!name.includes('/')) return problem(404, 'There is nothing here.', usage);
  const nearest = nearestName(name, nameAllBudgets(scope));
  const hint = nearest === undefined ? 'GET /limits lists all of them.' : `Did you mean ${nearest}?`;
  return problem(404, `There is no limit ${name.slice(0, 200)}.`, hint);
}

function notAllowed(allow: string): Shown {
  return { ...problem(405, 'The method is not supported here.', `Use ${allow}.`), fields: ['allow', allow] };
}

function problem(status: number, title: string, detail: string): Shown {
  return { status, body: { status, title, detail } };
}
