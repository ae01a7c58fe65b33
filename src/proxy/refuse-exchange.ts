import type { Refusal } from '../core/decision.ts';
import type { Inquiry } from '../decide/inquiry.ts';
import { renderRefusal } from '../decide/refusal-answer.ts';
import type { BodySource } from '../http1/body-source.ts';
import type { Exchange } from '../http1/exchange.ts';
import { answerStyleOf, readJsonRpcId } from '../odoo/protocol.ts';

/** Beyond this size the id of a refused JSON-RPC call is not worth reading. */
const maxRpcBodyBytes = 64 * 1024;

export interface RefusedRequest {
  refusal: Refusal;
  requestId: string;
  /** What is known of the request by now. */
  inquiry: Inquiry | undefined;
  /** Its body, when it was read already. */
  body: Buffer | BodySource | undefined;
}

/**
 * Answers a refused request in the form that its caller reads. A JSON-RPC caller matches answers to calls by an id that stands
 * in the body, so a small one is read first. `onStatus` hears the status just before the answer is given; `onGone` is called
 * instead when the client has left by then.
 */
export function refuseExchange(
  exchange: Exchange,
  request: RefusedRequest,
  told: { onStatus(status: number): void; onGone(): void },
): void {
  const { refusal, requestId, inquiry, body } = request;
  const style = answerStyleOf(inquiry?.facts?.path ?? '', exchange.fields);
  const answer = (rpcBody: unknown): void => {
    const {
      status,
      fields,
      body: text,
    } = renderRefusal(refusal, {
      requestId,
      style,
      rpcId: style === 'json-rpc' && Buffer.isBuffer(rpcBody) ? readJsonRpcId(rpcBody.toString()) : null,
      zone: inquiry?.zone?.name,
      limits: inquiry?.limits ?? [],
    });
    told.onStatus(status);
    exchange.answer(status, fields, text);
  };
  const bytes = exchange.bodyLength;
  if (style !== 'json-rpc' || body !== undefined || !bytes || bytes > maxRpcBodyBytes) return answer(body);
  exchange.collectBody({ maxBytes: maxRpcBodyBytes, memoryBytes: maxRpcBodyBytes }, (result) => {
    if (result === 'client_gone') told.onGone();
    else answer(result);
  });
}
