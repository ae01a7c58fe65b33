/** What one request adds; so at most a tenth of the traffic is sent twice while connections keep failing. */
const perRequest = 0.1;
/** What may be retried at once at least, also by a pool that hardly has traffic. */
const leastCapacity = 10;

/**
 * How many requests of a pool may be sent a second time. Without a bound, an estate that fails under load would get twice
 * the load.
 */
export class RetryBudget {
  #capacity = leastCapacity;
  #balance = leastCapacity;

  /** Makes room for the requests of one endpoint, all of which are to be sent again when it dies. */
  hold(seats: number): void {
    const capacity = Math.max(leastCapacity, seats);
    this.#balance = Math.min(capacity, this.#balance + Math.max(0, capacity - this.#capacity));
    this.#capacity = capacity;
  }

  /** Counts a request that is sent for the first time. */
  earn(): void {
    if (this.#balance < this.#capacity) this.#balance += perRequest;
  }

  /** Whether another request may be sent again. */
  spend(): boolean {
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }
}
