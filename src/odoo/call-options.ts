import { z } from 'zod';
import type { Locate } from '../core/issue.ts';
import { choiceSchema, sizeBetween } from '../core/schema.ts';

/** `odoo` of a zone: how calls in bodies are read, and what is closed in Odoo unless the zone opens it. */
export const callRulesSchema = z.strictObject({
  // A megabyte takes about a millisecond to read, in which nothing else happens.
  maxBody: sizeBetween(
    ['1KiB', '16MiB'],
    'Hardly any call could be read, or reading one would hold up all others.',
  )
    .prefault('1MiB')
    .describe('Largest body that is read to learn what it calls.'),
  unreadable: choiceSchema(['refuse', 'pass'], 'It would be unknown what becomes of a call that is not read.')
    .default('refuse')
    .describe(
      'What becomes of a call whose body has to be read and cannot be: it is too large, ambiguous, or not seen (ForwardAuth). With pass, Odoo alone judges it.',
    ),
  databaseManager: choiceSchema(
    ['refuse', 'pass'],
    'It would be unknown whether databases may be listed, copied and dropped.',
  )
    .default('refuse')
    .describe("Whether Odoo's database manager and the db service of its RPC can be reached."),
  debug: choiceSchema(['remove', 'pass'], 'It would be unknown who may switch on the developer mode.')
    .default('remove')
    .describe(
      'What becomes of the debug parameter, which switches on the developer mode of a session. ForwardAuth cannot remove it, so there such a request is refused.',
    ),
});

export type CallRuleOptions = z.output<typeof callRulesSchema>;

/** How the calls of a zone are read, compiled. */
export interface CallRules {
  maxBodyBytes: number;
  /** Largest body that the zone can forward. */
  keepBytes: number;
  passesUnread: boolean;
  passesDatabases: boolean;
  removesDebug: boolean;
  at: { maxBody: string; unreadable: string; databaseManager: string; debug: string };
}

/** `most` is the largest body that pools of the zone take, `cap` the largest that the zone itself does. */
export function compileCallRules(
  options: CallRuleOptions,
  locate: Locate,
  { most, cap = Infinity }: { most: number; cap?: number | undefined },
): CallRules {
  return {
    maxBodyBytes: Math.min(options.maxBody, cap),
    keepBytes: Math.min(Math.max(most, options.maxBody), cap),
    passesUnread: options.unreadable === 'pass',
    passesDatabases: options.databaseManager === 'pass',
    removesDebug: options.debug === 'remove',
    at: {
      maxBody: locate(['maxBody']),
      unreadable: locate(['unreadable']),
      databaseManager: locate(['databaseManager']),
      debug: locate(['debug']),
    },
  };
}
