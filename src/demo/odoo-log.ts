import type { OdooRequest } from './odoo-request.ts';

/** A request as a stand-in received it, for tests that look at what a gateway really sent. */
export interface ReceivedRequest {
  /** Request line and header section as they came, with the empty line at the end. */
  head: string;
  request: OdooRequest;
  /** False when the body broke off or came too slowly, so that the application never saw the request. */
  executed: boolean;
}

/** Keeps the newest `max` requests. */
export function keepReceived(requests: ReceivedRequest[], received: ReceivedRequest, max: number): void {
  requests.push(received);
  if (requests.length > max) requests.shift();
}
