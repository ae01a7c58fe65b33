// hot path for limits with a cost that is paid afterwards; others never come here.

/** Most routes of a limit whose cost is remembered; callers choose names. */
const maxRoutes = 1000;

/** How much the newest cost changes what is expected. */
const weight = 0.2;

/** What requests of a limit and route cost lately in tokens that are paid when they are over: what to reserve for the next one. */
export class CostEstimates {
  readonly #limits = new Map<string, Map<string, number>>();

  /** Whole tokens, at least 1. Of a route that is not known, what its workload costs. */
  expect(limitId: string, route: string, workload: string): number {
    const routes = this.#limits.get(limitId);
    const expected = routes?.get(route) ?? routes?.get(workload) ?? 1;
    return Math.max(1, Math.round(expected));
  }

  learn(
    limitId: string,
    { route, workload, tokens }: { route: string; workload: string; tokens: number },
  ): void {
    let routes = this.#limits.get(limitId);
    if (routes === undefined) {
      routes = new Map();
      this.#limits.set(limitId, routes);
    }
    improve(routes, workload, tokens);
    if (route !== workload) improve(routes, route, tokens);
  }

  /** Routes that are remembered, of all limits. */
  get size(): number {
    let size = 0;
    for (const routes of this.#limits.values()) size += routes.size;
    return size;
  }
}

function improve(routes: Map<string, number>, route: string, tokens: number): void {
  const before = routes.get(route);
  if (before === undefined && routes.size >= maxRoutes) return;
  routes.set(route, before === undefined ? tokens : before + (tokens - before) * weight);
}
