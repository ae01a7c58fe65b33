import type { WorkerPlace } from '../pools/share.ts';
import type { GatewayOptions } from './schema.ts';

/**
 * What `gateway.yaml` says, for one of several workers: to the store each is an instance of its own, which enforces its part
 * of a limit while the store fails.
 */
export function partOfWorker(options: GatewayOptions, { of }: Pick<WorkerPlace, 'of'>): GatewayOptions {
  const { store } = options;
  return { ...options, store: store && { ...store, instances: store.instances * of } };
}
