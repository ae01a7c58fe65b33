/** A pool for metrics and the admin surface. */
export interface PoolStatus {
  name: string;
  seats: number;
  /** Seats taken, those at endpoints that a reload removed included. */
  busy: number;
  busyByZone: Record<string, number>;
  queued: number;
  queuedByZone: Record<string, number>;
  endpoints: EndpointStatus[];
}

export interface EndpointStatus {
  url: string;
  up: boolean;
  /** The last probe ran into its time-out: probably all workers are busy. */
  saturated: boolean;
  busy: number;
  seats: number;
}

/** For readiness: `odoo 1/2 up`. */
export function describePool({ name, endpoints }: PoolStatus): string {
  return `${name} ${endpoints.filter((endpoint) => endpoint.up).length}/${endpoints.length} up`;
}
