// hot path: at most once for each request, where a zone or a pool wants to recognise who calls.
import { type Fields, fieldCount, fieldValue } from '../core/fields.ts';

/** Odoo writes 84 such characters (`http.py`), older versions wrote 40. */
const pair = /(?:^|;)[ \t]*session_id=([A-Za-z0-9_-]{40,128})[ \t]*(?:;|$)/;
const name = /(?<![\w-])session_id(?![\w-])/;
/** Odoo changes the rest of a session id every three hours (`http.py`, `STORED_SESSION_BYTES`). */
const stableLength = 42;

/**
 * What stays of the id of an Odoo session as long as it lives. It is a secret: keep no more of it than a digest. Undefined without
 * such a cookie, and where Odoo could read another id than we do: it takes quotes and escapes off a value and blanks off a name
 * (werkzeug, `parse_cookie`), so one id could be written in many ways, and of two cookies of that name either may be the one.
 */
export function sessionIdOf(fields: Fields): string | undefined {
  if (fieldCount(fields, 'cookie') !== 1) return undefined;
  const cookie = fieldValue(fields, 'cookie') ?? '';
  const found = pair.exec(cookie);
  if (found === null) return undefined;
  const end = found.index + found[0].length;
  if (name.test(cookie.slice(0, found.index)) || name.test(cookie.slice(end))) return undefined;
  return found[1]?.slice(0, stableLength);
}
