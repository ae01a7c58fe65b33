import type { CountBackend } from '../../src/limits/leases/store-backend.ts';

const none = (): Promise<never> => Promise.reject(new TypeError('these limits are rates'));

/** For a backend that only leases tokens of rates. */
export const noCounts: CountBackend = { callQuota: none, callSlots: none };
