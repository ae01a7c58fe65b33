import { tmpdir } from 'node:os';
import type { GatewayOptions } from './schema.ts';

/** What `gateway.yaml` says of clients, in the words of the HTTP engine; `budget` bounds all bodies on disk of one process. */
export function serverOptions<Budget>(http: GatewayOptions['http'], budget: Budget) {
  return {
    maxHeadBytes: http.maxHead,
    maxFields: http.maxFields,
    maxTargetBytes: http.maxTarget,
    headTimeoutMs: http.headTimeout,
    bodyIdleMs: http.bodyTimeout,
    writeStallMs: http.writeTimeout,
    idleTimeoutMs: http.idleTimeout,
    spool: {
      memoryBytes: http.spool.memory,
      maxFileBytes: http.spool.file,
      directory: http.spool.directory ?? tmpdir(),
      budget,
    },
  };
}
