/** What one request adds; so at most a tenth of the traffic is sent twice while connections keep failing. */
const perRequest = 0.1;
/** What may be retried at once, also by a pool that hardly has traffic. */
const capacity = 10;

/**
 * How many requests of a pool may be sent a second time. Without a bound, an estate that fails under load would get twice
 * the load.
 */
export class RetryBudget {
  #balance = capacity;

  /** Counts a request that is sent for the first time. */
  earn(): void {
    if (this.#balance < capacity) this.#balance += perRequest;
  }

  /** Whether another request may be sent again. */
  spend(): boolean {
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }
}
