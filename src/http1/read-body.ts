import type { BodyReading } from '../core/request-head.ts';
import type { BodySource } from './body-source.ts';
import type { Exchange } from './exchange.ts';

const noBody = Buffer.alloc(0);

/**
 * Reads the body of an exchange for a decision that depends on it: at once when it is there already, else when it has come. One
 * that is announced larger than `maxBytes` is left alone. `onBody` gets what was collected, also when it was too large.
 */
export function readBody(
  exchange: Exchange,
  { maxBytes, keepBytes }: { maxBytes: number; keepBytes: number },
  onBody: (body: Buffer | BodySource) => void,
): BodyReading | Promise<BodyReading> {
  if (!exchange.hasBody) return noBody;
  if (exchange.bodyLength !== undefined && exchange.bodyLength > maxBytes) return 'too_large';
  let reading: BodyReading | undefined;
  let tell: ((late: BodyReading) => void) | undefined;
  exchange.collectBody({ maxBytes: keepBytes, memoryBytes: maxBytes }, (result) => {
    if (typeof result !== 'string') onBody(result);
    reading = typeof result === 'string' || Buffer.isBuffer(result) ? result : 'too_large';
    tell?.(reading);
  });
  return reading ?? new Promise((resolve) => (tell = resolve));
}
