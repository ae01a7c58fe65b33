import type { Clock } from '../core/clock.ts';
import type { Live } from '../decide/live.ts';
import type { UpstreamClient } from '../http1/upstream.ts';
import type { PoolRegistry } from '../pools/registry.ts';
import type { StaticCache } from './static-cache.ts';
import type { Observer } from '../telemetry/observer.ts';

/** What the inline surface stands on. */
export interface ProxyContext {
  /** The configuration in force now. */
  live(): Live;
  pools: PoolRegistry;
  upstream: UpstreamClient;
  observer: Observer;
  clock: Clock;
  /** Undefined where nothing is kept. */
  staticCache: StaticCache | undefined;
  /** Name of the listener, for the `Listener` matcher. */
  listener: string;
}
