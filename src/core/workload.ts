/** How a request loads Odoo. */
export type Workload = 'interactive' | 'batch' | 'websocket' | 'static';

export const workloads: readonly Workload[] = ['interactive', 'batch', 'websocket', 'static'];
