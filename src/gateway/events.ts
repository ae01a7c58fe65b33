import type { KeySourceStatus } from '../auth/jwks.ts';
import type { ClassMove } from '../decide/learned-classes.ts';
import type { StoreMode } from '../limits/failover.ts';
import type { HealthChange } from '../pools/health.ts';
import type { NameNews } from '../pools/registry.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What happens to the parts of a gateway, as log lines and counts: one function for each kind of news. */
export function createGatewayEvents(log: Logger, metrics: Pick<Metrics, 'ejections' | 'lookUps'>) {
  return {
    limitStoreUnreachable: (cause: string): void => {
      log.warn({ cause }, 'no connection to the limit store');
    },

    limitStoreMode: (mode: StoreMode, cause: string | undefined): void => {
      if (mode === 'store') log.info('the limit store answers again');
      else
        log.error({ cause }, 'the limit store does not answer; each limit does what its onStoreFailure says');
    },

    addressFlood: (flooded: boolean): void => {
      if (flooded) {
        log.warn('too many new client addresses: those that are not known share budgets until fewer come');
      } else log.info('new client addresses have budgets of their own again');
    },

    keysRefreshed: (issuer: string, status: KeySourceStatus): void => {
      if (status.failure === undefined) return;
      log.warn({ issuer, failure: status.failure, keys: status.keys }, 'signing keys could not be fetched');
    },

    endpointChanged: (change: HealthChange): void => {
      const { pool, kind } = change;
      if (kind !== undefined) metrics.ejections.add([pool, kind]);
      log.warn(change, change.up ? 'endpoint is back' : 'endpoint is out of service');
    },

    nameLookedUp: ({ pool, name, outcome, isNews }: NameNews): void => {
      metrics.lookUps.add([pool, name, outcome.kind]);
      if (!isNews) return;
      if (outcome.kind === 'failed') {
        const { cause } = outcome;
        log.warn({ pool, name, cause }, 'the name of endpoints was not found; those that are known stay');
      } else if (outcome.kind === 'same') {
        log.info({ pool, name }, 'the name of endpoints is found again');
      } else {
        const { added, removed } = outcome;
        log.info({ pool, name, added, removed }, 'endpoints changed in the DNS');
      }
    },

    classMoved: ({ cause, to, meanMs, calls, ...whose }: ClassMove): void => {
      const facts = { ...whose, workload: to, meanMs: Math.round(meanMs), calls };
      if (cause === 'slow') log.warn(facts, 'a method is slow: its calls are batch work from now on');
      else if (cause === 'fast') log.info(facts, 'a method is fast again: its calls are interactive');
      else log.info(facts, 'what was learned of a method is forgotten: its calls are interactive');
    },
  };
}

export type GatewayEvents = ReturnType<typeof createGatewayEvents>;
