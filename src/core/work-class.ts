/** How urgent a request is to the workers of a pool, most urgent first. */
export const workClasses = ['critical', 'interactive', 'batch'] as const;

export type WorkClass = (typeof workClasses)[number];
