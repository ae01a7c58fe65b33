import { vi } from 'vitest';

/** Waits until `check` does not throw any more, as long as a busy machine may take; gives what it returns. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 12_000, interval: 20 });
}
