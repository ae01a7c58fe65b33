import type { ZoneLimit } from '../limits/governing-limit.ts';
import type { BudgetState } from '../limits/inspect.ts';
import { latestFirst } from '../telemetry/recent-refusals.ts';
import type {
  BudgetName,
  LimitAnswer,
  LimitProcesses,
  ListedLimit,
  RefusedBudget,
} from './limit-questions.ts';

/** An answer before it is written. */
export interface Shown {
  status: number;
  body: Record<string, unknown>;
  /** Header fields besides the usual ones. */
  fields?: string[];
}

type About<Kind extends LimitAnswer['about']> = Extract<LimitAnswer, { about: Kind }>;

export const noAnswer: Shown = {
  status: 503,
  body: {
    status: 503,
    title: 'No process of the gateway answers.',
    detail: 'Look at /readyz, then try again.',
  },
};

/** Limits as configured. What is held is summed up over the processes. */
export async function showLimits(processes: LimitProcesses): Promise<Shown> {
  const answers = of('list', await processes.askAll({ about: 'list' }));
  const [first, ...others] = answers;
  if (first === undefined) return noAnswer;
  const limits = first.limits.map((limit) => ({
    ...limit,
    keysHeld: others.reduce((sum, { limits: more }) => sum + heldOf(more, limit), limit.keysHeld),
  }));
  const store = { kind: first.store.kind, up: answers.every(({ store: { up } }) => up) };
  return { status: 200, body: { store, processes: answers.length, limits } };
}

/** Who was refused last by any process. */
export async function showRefused(processes: LimitProcesses, count: number): Promise<Shown> {
  const answers = of('refused', await processes.askAll({ about: 'refused' }));
  if (answers.length === 0) return noAnswer;
  const merged = new Map<string, RefusedBudget>();
  for (const refused of answers.flatMap(({ keys }) => keys)) {
    const name = `${refused.limit} ${refused.key}`;
    const known = merged.get(name);
    merged.set(name, known === undefined ? refused : join(known, refused));
  }
  const last = latestFirst([...merged.values()]).slice(0, count);
  return { status: 200, body: { refused: last.map((refused) => describeRefused(refused)) } };
}

/** One budget: what the store says of it, and what each process holds and knows of it. */
export async function showBudget(
  processes: LimitProcesses,
  limit: ZoneLimit,
  budget: BudgetName,
): Promise<Shown> {
  const all = await processes.askAll({ about: 'key', ...budget });
  const answers = of('key', all);
  const [first] = answers;
  if (first === undefined) return failureOf(all, budget);
  const [last, ...others] = latestFirst(answers.flatMap(({ refused }) => refused ?? []));
  const { keptBy, kind, figures, burst, free } = first.state;
  return {
    status: 200,
    body: {
      ...budget,
      kind,
      at: first.at,
      for: first.variant,
      shadow: limit.shadow,
      onStoreFailure: limit.onStoreFailure,
      keptBy,
      figures,
      burst,
      free,
      ...describeKind(first.state),
      retryAfterMs: Math.max(...answers.map(({ state }) => state.retryAfterMs)),
      processes: answers.map(({ state }) => describeShare(state)),
      lastRefused: last === undefined ? null : describeRefused(others.reduce(join, last)),
    },
  };
}

/** What only a budget of this kind has, the same for all processes. */
function describeKind(state: BudgetState): Record<string, unknown> {
  switch (state.kind) {
    case 'rate':
      return { leased: state.leased, fullAfterMs: state.fullAfterMs };
    case 'quota':
      return {
        used: state.used,
        windowStart: new Date(state.windowStartMs).toISOString(),
        windowEnd: new Date(state.windowEndMs).toISOString(),
      };
    case 'inFlight':
      return { inUse: state.inUse + state.held + state.elsewhere };
    default:
      return state satisfies never;
  }
}

/** What one process holds and knows. */
function describeShare(state: BudgetState): Record<string, unknown> {
  const { held, refusingMs } = state;
  if (state.kind === 'rate') return { held, untold: state.untold, refusingMs };
  return state.kind === 'quota' ? { held, refusingMs } : { inUse: state.inUse, held, refusingMs };
}

/** Why nobody could say anything of a budget. */
export function failureOf(answers: readonly LimitAnswer[], { limit }: BudgetName): Shown {
  const [failure] = of('failure', answers);
  if (failure !== undefined) {
    const title = 'The store of the limits does not answer.';
    return { status: 503, body: { status: 503, title, detail: `${failure.cause}.` } };
  }
  if (of('unknown', answers).length === 0) return noAnswer;
  const detail = 'The configuration is being replaced. Try again in a moment.';
  return { status: 503, body: { status: 503, title: `No process knows ${limit} yet.`, detail } };
}

export function of<Kind extends LimitAnswer['about']>(
  about: Kind,
  answers: readonly (LimitAnswer | undefined)[],
): About<Kind>[] {
  return answers.filter((answer): answer is About<Kind> => answer?.about === about);
}

function heldOf(limits: readonly ListedLimit[], { limit }: ListedLimit): number {
  return limits.find((other) => other.limit === limit)?.keysHeld ?? 0;
}

/** The same key at two processes. */
function join(a: RefusedBudget, b: RefusedBudget): RefusedBudget {
  return { ...(b.lastMs > a.lastMs ? b : a), times: a.times + b.times };
}

function describeRefused({
  zone: _zone,
  name: _name,
  lastMs,
  ...refused
}: RefusedBudget): Record<string, unknown> {
  return { ...refused, last: new Date(lastMs).toISOString() };
}
