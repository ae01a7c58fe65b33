import { z } from 'zod';
import { containsIp } from '../../core/ip.ts';
import { addressRangeSchema, countSchema, durationSchema, textSchema } from '../../core/schema.ts';
import type { PenaltyRule } from './penalty.ts';

/** The `bruteForce:` section of `gateway.yaml`. */
export const bruteForceSchema = z
  .strictObject({
    account: countSchema(1, 1000)
      .default(5)
      .describe('Failures of one account within the window that cost nothing.'),
    address: countSchema(1, 100_000)
      .default(20)
      .describe(
        'Failures from one client address (IPv6: one /64 network) within the window that cost nothing.',
      ),
    window: durationSchema
      .prefault('15m')
      .describe('So long after the first of them, failures that cost nothing are forgotten.'),
    firstPenalty: durationSchema
      .prefault('1s')
      .describe(
        'How long nothing may be tried after the first failure too many; each further one doubles it.',
      ),
    longestPenalty: durationSchema.prefault('15m').describe('The longest time that one failure costs.'),
    forgetAfter: durationSchema
      .prefault('1h')
      .describe('How long there must be no failure until all of them are forgotten.'),
    exempt: z
      .array(addressRangeSchema)
      .default([])
      .describe(
        'Addresses that are never held back, such as the one behind which an office sits; their accounts are.',
      ),
    key: textSchema('a secret', 'Write a secret of your own, such as ${file:/run/secrets/account-key}.')
      .optional()
      .describe(
        'Secret under which account names are hashed before they are stored; without it one is derived from the address of the store.',
      ),
  })
  .superRefine((options, context) => {
    if (options.firstPenalty === 0) {
      context.addIssue({
        code: 'custom',
        path: ['firstPenalty'],
        message:
          'A first penalty of nothing stays nothing when it is doubled.\nPasswords could be guessed without end.\nWrite a firstPenalty such as 1s; a zone that is to have none says bruteForce: false.',
      });
    }
    if (options.firstPenalty > options.longestPenalty) {
      context.addIssue({
        code: 'custom',
        path: ['firstPenalty'],
        message:
          'The first penalty is longer than the longest one.\nPenalties would not grow.\nWrite a firstPenalty of at most longestPenalty.',
      });
    }
    if (options.longestPenalty > options.forgetAfter) {
      context.addIssue({
        code: 'custom',
        path: ['forgetAfter'],
        message:
          'Failures are forgotten before the longest penalty is over.\nThe penalty would end early, and the next one would begin small.\nWrite a forgetAfter of at least longestPenalty.',
      });
    }
  });

export type BruteForceOptions = z.output<typeof bruteForceSchema>;

/** The rules for addresses and accounts. */
export interface PenaltyRules {
  address: PenaltyRule;
  account: PenaltyRule;
  isExempt(address: string): boolean;
}

export function compilePenalties(options: BruteForceOptions): PenaltyRules {
  const shared = {
    windowMs: options.window,
    firstMs: options.firstPenalty,
    longestMs: options.longestPenalty,
    forgetMs: options.forgetAfter,
  };
  return {
    address: { free: options.address, ...shared },
    account: { free: options.account, ...shared },
    isExempt: (address) => containsIp(options.exempt, address),
  };
}
