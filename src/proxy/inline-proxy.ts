import { randomUUID } from 'node:crypto';
import { renderRefusal } from '../decide/refusal-answer.ts';
import type { HttpServerHandlers } from '../http1/server.ts';
import { InlineRequest } from './inline-request.ts';
import { InlineTunnel } from './inline-tunnel.ts';
import type { ProxyContext } from './context.ts';

/** The inline surface: Traefik sends the request here, and what is allowed goes on to Odoo. */
export function createInlineProxy(context: ProxyContext): HttpServerHandlers {
  return {
    onExchange: (exchange) => new InlineRequest(context, exchange, randomUUID()).start(),
    onUpgrade: (request) => new InlineTunnel(context, request, randomUUID()).start(),
    onMalformed: (reason, peerAddress) => {
      const requestId = randomUUID();
      context.observer.malformed({ reason, peerAddress, requestId });
      return renderRefusal(
        { reason, at: '' },
        { requestId, style: 'problem', rpcId: null, zone: undefined, limits: [] },
      );
    },
  };
}
