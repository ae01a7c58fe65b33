import { z } from 'zod';

/** What the admin listener answers, as far as it is printed; a newer gateway may say more. */
const listSchema = z.object({
  store: z.object({ kind: z.string(), up: z.boolean() }),
  processes: z.number(),
  limits: z.array(
    z.object({
      limit: z.string(),
      kind: z.string(),
      key: z.string(),
      figures: z.string(),
      burst: z.number(),
      shadow: z.boolean(),
      onStoreFailure: z.string(),
      at: z.string(),
      keysHeld: z.number(),
      others: z.array(
        z.object({
          for: z.string(),
          limit: z.string(),
          figures: z.string(),
          burst: z.number(),
          at: z.string(),
        }),
      ),
    }),
  ),
});

const refusedSchema = z.object({
  limit: z.string(),
  key: z.string(),
  shadow: z.boolean(),
  times: z.number(),
  last: z.string(),
  requestId: z.string(),
});

const budgetSchema = z.object({
  limit: z.string(),
  key: z.string(),
  kind: z.string(),
  at: z.string(),
  for: z.string(),
  shadow: z.boolean(),
  onStoreFailure: z.string(),
  keptBy: z.string(),
  figures: z.string(),
  burst: z.number(),
  free: z.number(),
  leased: z.number().optional(),
  used: z.number().optional(),
  inUse: z.number().optional(),
  windowEnd: z.string().optional(),
  fullAfterMs: z.number().optional(),
  retryAfterMs: z.number(),
  processes: z.array(z.object({ held: z.number() })),
  lastRefused: refusedSchema.nullable(),
});

const stateSchema = z.object({ free: z.number(), leased: z.number().optional() });
const changeSchema = z.object({
  limit: z.string(),
  key: z.string(),
  action: z.string(),
  before: stateSchema,
  after: stateSchema,
  otherInstancesWithinMs: z.number(),
});

export function renderLimits(answer: unknown): string {
  const { store, processes, limits } = listSchema.parse(answer);
  const rows = limits.flatMap((one) => [
    [
      one.limit,
      one.kind,
      one.key,
      one.figures,
      String(one.burst),
      one.shadow ? 'shadow' : 'enforced',
      one.kind === 'guard' ? '-' : one.onStoreFailure,
      String(one.keysHeld),
      one.at,
    ],
    ...one.others.map((other) => [
      `  ${other.limit === one.limit ? '' : `${other.limit} `}for ${nameFigures(other.for)}`,
      '',
      '',
      other.figures,
      String(other.burst),
      '',
      '',
      '',
      other.at,
    ]),
  ]);
  const header = ['LIMIT', 'KIND', 'KEY', 'FIGURES', 'BURST', 'MODE', 'STORE FAILS', 'KEYS HERE', 'WHERE'];
  const keeper =
    store.kind === 'redis' ? `Redis, which ${store.up ? 'answers' : 'does not answer'}` : 'memory';
  const where = processes === 1 ? keeper : `${keeper}, for ${processes} processes`;
  return `Budgets are kept in ${where}.\n\n${renderTable([header, ...rows])}`;
}

export function renderRefused(answer: unknown): string {
  const { refused } = z.object({ refused: z.array(refusedSchema) }).parse(answer);
  if (refused.length === 0) return 'Nobody was refused.\n';
  const rows = refused.map(({ last, limit, key, shadow, times, requestId }) => [
    last,
    limit,
    key,
    shadow ? 'would be' : 'refused',
    String(times),
    requestId,
  ]);
  return renderTable([['LAST', 'LIMIT', 'KEY', 'SHADOW', 'TIMES', 'REQUEST'], ...rows]);
}

export function renderBudget(answer: unknown): string {
  const budget = budgetSchema.parse(answer);
  const held = budget.processes.reduce((sum, process) => sum + process.held, 0);
  const unit = budget.kind === 'inFlight' ? 'slots' : 'tokens';
  const lines: [string, string][] = [
    ['figures', `${budget.figures}${budget.kind === 'rate' ? `, burst ${budget.burst}` : ''}`],
    ...(['', 'default'].includes(budget.for) ? [] : [['for', nameFigures(budget.for)] as [string, string]]),
    ['at', budget.at],
    ['kept by', keepers[budget.keptBy] ?? budget.keptBy],
    ['free', `${budget.free} of ${budget.burst} ${unit}`],
  ];
  if (budget.leased !== undefined)
    lines.push(['leased', `${budget.leased} by all instances, of which ${held} can be spent here`]);
  if (budget.used !== undefined)
    lines.push(['used', `${budget.used}, of which ${held} can still be spent here`]);
  if (budget.windowEnd !== undefined) lines.push(['until', budget.windowEnd]);
  if (budget.inUse !== undefined) lines.push(['in use', `${budget.inUse} by all instances`]);
  lines.push(['next', budget.retryAfterMs === 0 ? 'admitted now' : `in ${renderTime(budget.retryAfterMs)}`]);
  if (budget.fullAfterMs !== undefined)
    lines.push(['full', budget.fullAfterMs === 0 ? 'now' : `in ${renderTime(budget.fullAfterMs)}`]);
  const { lastRefused } = budget;
  const refused =
    lastRefused === null
      ? 'not lately'
      : `${lastRefused.times} times, last at ${lastRefused.last}, request ${lastRefused.requestId}`;
  lines.push([budget.shadow ? 'would be' : 'refused', refused]);
  const name = `${budget.limit} of ${budget.key}${budget.shadow ? ' (shadow)' : ''}\n`;
  return name + lines.map(([label, text]) => `  ${label.padEnd(9)} ${text}\n`).join('');
}

export function renderChange(answer: unknown): string {
  const { limit, key, action, before, after, otherInstancesWithinMs: ms } = changeSchema.parse(answer);
  const done = action === 'reset' ? 'is reset' : 'has a grant';
  const leased = after.leased ? `, and ${after.leased} that instances hold` : '';
  const others = ms === 0 ? '' : ` Other instances see it within ${renderTime(ms)}.`;
  return `${limit} of ${key} ${done}: ${before.free} tokens were free, now ${after.free} are${leased}.${others}\n`;
}

/** Everybody's figures at some time are named by the time. */
function nameFigures(variant: string): string {
  return variant.replace(/^default, /, '');
}

const keepers: Record<string, string> = {
  redis: 'Redis, for all instances',
  memory: 'the memory of this process',
  share: 'this instance alone, its share of the limit: Redis does not answer',
};

/** Columns of one width each, two blanks apart. */
function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

const units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const;

/** A time with one digit after the point, in the largest unit of which there is a whole one. */
function renderTime(ms: number): string {
  for (const [unitMs, unit] of units) {
    if (ms >= unitMs) return `${Number((ms / unitMs).toFixed(1))} ${unit}`;
  }
  return `${ms} ms`;
}
