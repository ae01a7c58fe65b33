// hot path
import type { Facts } from '../core/facts.ts';
import { combinedFieldValue } from '../core/fields.ts';
import { parameterValues } from './query-parameters.ts';

const none: readonly string[] = [];

/**
 * Every database that a request asks for by name: in its call, in its X-Odoo-Database field, in its `db` parameters. Odoo's own
 * filter by host name does not look at the calls of /jsonrpc and /xmlrpc (odoo/service/model.py).
 */
export function namedDatabases({ fields, query, odoo }: Facts): readonly string[] {
  // Of two fields neither may be overlooked; joined they name no database.
  const inField = combinedFieldValue(fields, 'x-odoo-database');
  const inCall = odoo?.database;
  const inQuery = parameterValues(query, 'db');
  if (inField === undefined && inCall === undefined && inQuery.length === 0) return none;
  const databases = inQuery.filter((database) => database !== '');
  if (inField !== undefined) databases.push(inField);
  if (inCall !== undefined) databases.push(inCall);
  return databases;
}
