/** What saturates a contender: our own generator, or one that everybody knows and that costs about twice as much. */
export const generatorNames = ['own', 'autocannon'] as const;
export type GeneratorName = (typeof generatorNames)[number];
