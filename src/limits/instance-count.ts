import { randomBytes } from 'node:crypto';
import type { Scheduler } from '../core/scheduler.ts';

/** How often an instance says that it lives, and after how long a silent one is forgotten. */
export const announceEveryMs = 2000;
export const forgetAfterMs = 6000;

/** One of the instances that share a store, in an order that all of them know. */
export interface InstancePlace {
  /** From 0. */
  index: number;
  /** How many there are. */
  of: number;
}

/** Where instances announce themselves. Rejects when there is no answer. */
export interface InstanceBoard {
  /** Notes that `id` lives, and gives its place among all that do. */
  announce(id: string): Promise<InstancePlace>;
  /** Takes `id` off. */
  leave(id: string): Promise<unknown>;
}

export interface InstanceCountOptions {
  board: InstanceBoard;
  scheduler: Scheduler;
  /** How many there are at least. */
  configured: number;
  /** Called with every answer. */
  onAnswer?: () => void;
}

/**
 * How many instances share the store: those that announced themselves lately, but no fewer than configured. While the store
 * does not answer it is as many as before. It decides how much an instance leases at a time and what part of a limit it
 * enforces while the store fails; leases are safe whatever it is.
 */
export class InstanceCount {
  readonly #options: InstanceCountOptions;
  readonly #id = randomBytes(9).toString('base64url');
  #place: InstancePlace | undefined;
  #announcing = false;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(options: InstanceCountOptions) {
    this.#options = options;
  }

  get now(): number {
    return Math.max(this.#place?.of ?? 0, this.#options.configured);
  }

  /** As the store last told it; of one that has not answered yet, the last of those that are configured. */
  get place(): InstancePlace {
    const { configured } = this.#options;
    return this.#place ?? { index: configured - 1, of: configured };
  }

  /** Announces this instance at once, and from here on at intervals. One announcement at a time. */
  announce(): void {
    if (this.#closed) return;
    this.#cancel?.();
    this.#cancel = this.#options.scheduler.after(announceEveryMs, () => this.announce());
    if (!this.#announcing) void this.#announceOnce();
  }

  async #announceOnce(): Promise<void> {
    this.#announcing = true;
    try {
      this.#place = await this.#options.board.announce(this.#id);
      if (!this.#closed) this.#options.onAnswer?.();
    } catch {
      // The store tells of its failures itself.
    } finally {
      this.#announcing = false;
    }
  }

  /** Stops announcing, and says so, as far as the store answers. */
  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#options.board.leave(this.#id).catch(() => undefined);
  }
}
