/**
 * Odoo tells a caller where in its code an error arose: file paths, SQL and the address of its database, under `debug` of a
 * JSON error and as the text of an XML-RPC fault with code 1 (odoo/http.py, addons/rpc/controllers/xmlrpc.py).
 */

/** How an answer may hold a traceback. */
export type ErrorForm = 'json' | 'xml';

/** So many bytes tell a result from an error: both keys stand in the first line of what Odoo writes. */
export const tellingBytes = 256;

/** In which form an answer could be an error; undefined when it is none, whatever its content. */
export function errorFormOf(status: number, contentType: string | undefined): ErrorForm | undefined {
  const type = /^[^;\s]*/.exec(contentType ?? '')?.[0].toLowerCase();
  if (type === 'application/json' || type === 'application/json-rpc') return 'json';
  return status === 200 && (type === 'text/xml' || type === 'application/xml') ? 'xml' : undefined;
}

/** Whether the first bytes of an answer begin an error. With a status from 400 on all JSON is one. */
export function beginsError(form: ErrorForm, status: number, start: Buffer): boolean {
  if (form === 'json' && status >= 400) return true;
  const text = start.toString('latin1', 0, tellingBytes);
  if (form === 'xml') return text.includes('<fault>');
  const error = text.indexOf('"error"');
  const result = text.indexOf('"result"');
  return error !== -1 && (result === -1 || error < result);
}

/** The error without its traceback, all else as it was; undefined when it cannot be read. */
export function withoutTraceback(form: ErrorForm, body: Buffer): string | undefined {
  return form === 'xml' ? faultWithoutText(body.toString()) : jsonWithoutDebug(body.toString());
}

function jsonWithoutDebug(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text), (key, value: unknown) =>
      key === 'debug' && typeof value === 'string' ? '' : value,
    );
  } catch {
    return undefined;
  }
}

const fault =
  /^(.*<name>faultCode<\/name>\s*<value><int>1<\/int><\/value>.*<name>faultString<\/name>\s*<value><string>).*(<\/string>.*)$/s;

function faultWithoutText(text: string): string | undefined {
  if (!text.includes('<name>faultCode</name>')) return undefined;
  return text.replace(fault, '$1Odoo Server Error$2');
}
