import { stat } from 'node:fs/promises';

/** What one look at a file tells. */
export interface Fingerprint {
  /** Differs when the file does; for a file that cannot be looked at, why. */
  state: string;
  /** Wall clock of the last change to the file's content, name or rights; 0 for a file that cannot be looked at. */
  changedMs: number;
}

export type Fingerprints = ReadonlyMap<string, Fingerprint>;

/** Stands for the list itself when it cannot be made: a directory vanished, or may not be read. */
export const listPath = '';

/** `fs.stat` uses the thread pool that DNS look-ups need too; a thousand at once would hold those up. */
const parallelStats = 16;

/**
 * Looks at every listed file or directory once. A symbolic link counts as what it leads to, so a swapped Kubernetes `..data`
 * link changes the inode of every file behind it. Never throws.
 */
export async function takeFingerprints(list: () => Promise<string[]> | string[]): Promise<Fingerprints> {
  let paths: string[];
  try {
    paths = [...new Set(await list())];
  } catch (error) {
    return new Map([[listPath, { state: describeFailure(error), changedMs: 0 }]]);
  }
  const fingerprints = new Map<string, Fingerprint>();
  for (let i = 0; i < paths.length; i += parallelStats) {
    const batch = paths.slice(i, i + parallelStats);
    // oxlint-disable-next-line no-await-in-loop -- one batch after the other is the point
    const taken = await Promise.all(batch.map(async (path) => [path, await takeFingerprint(path)] as const));
    for (const [path, fingerprint] of taken) fingerprints.set(path, fingerprint);
  }
  return fingerprints;
}

/**
 * The change time is part of it for two cases: a file that becomes readable, and one that is renamed over another of the same
 * age and size.
 */
async function takeFingerprint(path: string): Promise<Fingerprint> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return { state: `${mtimeMs} ${ctimeMs} ${size} ${ino}`, changedMs: Math.max(mtimeMs, ctimeMs) };
  } catch (error) {
    return { state: describeFailure(error), changedMs: 0 };
  }
}

function describeFailure(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}

/** Paths that differ between two looks: changed, added or removed; sorted. */
export function changedPaths(before: Fingerprints, after: Fingerprints): string[] {
  const changed: string[] = [];
  for (const [path, { state }] of after) if (before.get(path)?.state !== state) changed.push(path);
  for (const path of before.keys()) if (!after.has(path)) changed.push(path);
  return changed.toSorted();
}
