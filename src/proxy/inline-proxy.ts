import { newRequestId } from '../core/request-id.ts';
import { renderRefusal } from '../decide/refusal-answer.ts';
import type { HttpServerHandlers } from '../http1/server.ts';
import { InlineRequest } from './inline-request.ts';
import { InlineTunnel } from './inline-tunnel.ts';
import type { ProxyContext } from './context.ts';

/** The inline surface: Traefik sends the request here, and what is allowed goes on to Odoo. */
export function createInlineProxy(context: ProxyContext): HttpServerHandlers {
  return {
    onExchange: (exchange) => new InlineRequest(context, exchange, newRequestId()).start(),
    onUpgrade: (request) => new InlineTunnel(context, request, newRequestId()).start(),
    onMalformed: (reason, peerAddress) => {
      const requestId = newRequestId();
      context.observer.malformed({ reason, peerAddress, requestId });
      return renderRefusal(
        { reason, at: '' },
        { requestId, style: 'problem', rpcId: null, zone: undefined, limits: [] },
      );
    },
  };
}
