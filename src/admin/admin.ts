import type { Exchange } from '../http1/exchange.ts';
import type { HttpServerHandlers } from '../http1/server.ts';
import { type LimitAdmin, LimitRoutes } from './limit-routes.ts';
import { isLimitTarget } from './limit-target.ts';

/** What readiness rests on. */
export interface Readiness {
  ready: boolean;
  /** One line for each thing that an operator would want to know. */
  details: Record<string, string>;
}

export interface AdminContext {
  readiness(): Readiness | Promise<Readiness>;
  metrics(): Promise<{ contentType: string; text: string }>;
  limits: LimitAdmin;
  /** `what` could not be read. */
  onFailure(what: 'readiness' | 'metrics' | 'limits', error: unknown): void;
}

/**
 * The admin surface: `/healthz`, `/readyz`, `/metrics` and `/limits`. It is bound to an address of its own, away from
 * clients: whoever reaches it may look at everything, and change budgets only with a token.
 */
export function createAdmin(context: AdminContext): HttpServerHandlers {
  const limits = new LimitRoutes(context.limits);
  return {
    onExchange: (exchange) => respond(context, limits, exchange),
    onMalformed: () => ({ status: 400, fields: ['content-type', 'text/plain'], body: 'malformed request\n' }),
  };
}

function respond(context: AdminContext, limits: LimitRoutes, exchange: Exchange): void {
  if (exchange.defect !== undefined) return answerText(exchange, 400, 'malformed request\n');
  if (isLimitTarget(exchange.target)) {
    return respondLater(exchange, context, 'limits', () => limits.respond(exchange));
  }
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
    // RFC 9110 §15.5.6 asks for Allow.
    return exchange.answer(
      405,
      ['allow', 'GET, HEAD', 'content-type', 'text/plain; charset=utf-8'],
      'use GET\n',
    );
  }
  switch (exchange.target) {
    case '/healthz':
      return answerText(exchange, 200, 'ok\n');
    case '/readyz':
      return respondLater(exchange, context, 'readiness', async () => {
        const { ready, details } = await context.readiness();
        const body = `${JSON.stringify({ ready, ...details })}\n`;
        exchange.answer(ready ? 200 : 503, ['content-type', 'application/json'], body);
      });
    case '/metrics':
      return respondLater(exchange, context, 'metrics', async () => {
        const { contentType, text } = await context.metrics();
        exchange.answer(200, ['content-type', contentType], text);
      });
    default:
      return answerText(exchange, 404, 'try /healthz, /readyz, /metrics or /limits\n');
  }
}

/** Gives an answer that takes a while. Why it cannot be given is for the log, not for the caller. */
function respondLater(
  exchange: Exchange,
  context: AdminContext,
  what: Parameters<AdminContext['onFailure']>[0],
  respondNow: () => Promise<void>,
): void {
  respondNow().catch((error: unknown) => {
    context.onFailure(what, error);
    answerText(exchange, 500, `${what} could not be read\n`);
  });
}

function answerText(exchange: Exchange, status: number, text: string): void {
  exchange.answer(status, ['content-type', 'text/plain; charset=utf-8'], text);
}
