import type { Cluster, Redis } from 'ioredis';
import type { Scheduler } from '../core/scheduler.ts';

/** What every connection to the store shares, whatever is asked over it. */
export const connectionOptions = {
  lazyConnect: true,
  disableClientInfo: true,
  // A command that is sent again is counted twice.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
} as const;

/** Milliseconds before an attempt to connect, from 1 on: doubling to 2 s, with a fifth of jitter; `random` gives 0 to 1. */
export function reconnectPauseMs(attempt: number, random: () => number): number {
  return Math.min(50 * 2 ** Math.min(attempt - 1, 6), 2000) * (0.8 + 0.4 * random());
}

/** Waits until commands can be sent, at most so long; gives whether they can. */
export function whenReady(
  redis: Redis | Cluster,
  { scheduler, budgetMs }: { scheduler: Scheduler; budgetMs: number },
): Promise<boolean> {
  if (redis.status === 'ready') return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (ready: boolean): void => {
      cancel();
      redis.off('ready', onReady);
      resolve(ready);
    };
    const onReady = (): void => settle(true);
    const cancel = scheduler.after(budgetMs, () => settle(false));
    redis.on('ready', onReady);
  });
}

export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

/** Runs a script; `args` are the number of keys, the keys and the arguments. */
export async function evaluateScript(
  redis: Redis,
  script: RedisScript,
  args: (string | number)[],
): Promise<unknown> {
  try {
    return await redis.call('EVALSHA', [script.sha1, ...args]);
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
    // A fresh or flushed server does not know the script; EVAL runs it and makes it known.
    return await redis.call('EVAL', [script.text, ...args]);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
