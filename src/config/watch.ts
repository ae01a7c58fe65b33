import { systemClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { type Scheduler, systemScheduler } from '../core/scheduler.ts';
import { changedPaths, listPath, takeFingerprints } from './fingerprint.ts';
import type { Fingerprint, Fingerprints } from './fingerprint.ts';

export interface WatchOptions {
  /**
   * Absolute paths of everything that the last load read or looked for: YAML files, secret files, and the directories, whose
   * own state tells that a file came or went. Asked at every look.
   */
  list: () => Promise<string[]> | string[];
  intervalMs: number;
  /** Wall clock when the load of the running configuration began: what changed later than that is told at once. */
  loadedAtMs: number;
  /** Gets the paths that changed, `""` among them when the list cannot be made; usually loads anew. */
  onChange: (paths: string[]) => Promise<void> | void;
  /** Gets what `onChange` throws; the watch goes on. */
  onError: (error: unknown) => void;
  clock?: Clock;
  scheduler?: Scheduler;
}

export interface FileWatch {
  /**
   * Looks once, now; while a look or a reload is under way, waits for that one instead. A change is told by the second look
   * that sees it, when it has rested: whoever writes several files or a long one is then done.
   */
  look(): Promise<void>;
  /** Ends the watch; a reload that is under way completes. */
  close(): void;
}

/** How long a change has to rest before it is told, when that is shorter than the interval. */
const restMs = 100;
/** A file that never rests is told after this many looks: a late reload is better than none. */
const maxRestlessLooks = 10;
/** File systems stamp changes with a clock that ticks up to 10 ms late. */
const timestampSlackMs = 50;

/**
 * Watches files by looking at them regularly. Change notifications of the kernel do not reach network file systems, and name
 * the wrong file when a directory link is swapped, as Kubernetes does. No change is lost: one that comes while a reload is
 * under way is told after it.
 */
export function watchFiles(options: WatchOptions): FileWatch {
  const { list, intervalMs, onChange, onError, clock = systemClock, scheduler = systemScheduler } = options;
  /** The state that the running configuration was loaded from; undefined until the first look. */
  let known: Fingerprints | undefined;
  /** A changed state that was seen and may still be in the making. */
  let restless: { state: Fingerprints; looks: number } | undefined;
  let underWay: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;
  let closed = false;

  async function lookOnce(): Promise<void> {
    const state = await takeFingerprints(list);
    if (closed) return;
    known ??= adopt(new Map(), state, options.loadedAtMs);
    const changed = changedPaths(known, state);
    if (changed.length === 0) {
      restless = undefined;
      return;
    }
    const rested = restless !== undefined && changedPaths(restless.state, state).length === 0;
    const looks = (restless?.looks ?? 0) + 1;
    if (!rested && looks < maxRestlessLooks) {
      restless = { state, looks };
      return;
    }
    restless = undefined;
    // This state is older than what the reload is going to read, so a change in between is seen by the next look.
    known = state;
    const reloadedAtMs = clock.wallMs();
    await onChange(changed);
    known = adopt(known, await takeFingerprints(list), reloadedAtMs);
  }

  function look(): Promise<void> {
    underWay ??= lookOnce()
      .catch((error: unknown) => onError(error))
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  }

  function scheduleNext(): void {
    if (closed) return;
    const delayMs = restless === undefined ? intervalMs : Math.min(intervalMs, restMs);
    cancelTimer = scheduler.after(delayMs, () => {
      void look().finally(scheduleNext);
    });
  }

  scheduleNext();
  return {
    look,
    close() {
      closed = true;
      cancelTimer?.();
    },
  };
}

/**
 * Files that a load was the first to name were read by it: no news, unless they changed after it began. Files that it no longer
 * names are forgotten. A list that cannot be made is news.
 */
function adopt(known: Fingerprints, state: Fingerprints, loadedAtMs: number): Fingerprints {
  if (state.has(listPath)) return known;
  const adopted = new Map<string, Fingerprint>();
  for (const [path, fingerprint] of state) {
    const before = known.get(path);
    if (before !== undefined) adopted.set(path, before);
    else if (fingerprint.changedMs < loadedAtMs - timestampSlackMs) adopted.set(path, fingerprint);
  }
  return adopted;
}
