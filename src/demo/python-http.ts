import type { SocketReader } from './socket-reader.ts';

/** The request reader of Python's `http.server` with werkzeug on top: lenient where they are lenient. */

export interface PythonHead {
  method: string;
  target: string;
  /** Without a version, as in HTTP/0.9, the answer has no head either. */
  version: 'HTTP/0.9' | 'HTTP/1.x';
  fields: [name: string, value: string][];
  /** The bytes of the head as they came. */
  raw: string;
}

/** What a head that cannot be read is answered with; undefined: the connection is closed without an answer. */
export type HeadFault = { status: 400 | 414 | 431 | 505 | undefined };

const maxLineBytes = 65_536;
const maxFields = 100;

export async function readPythonHead(reader: SocketReader): Promise<PythonHead | HeadFault> {
  const first = await reader.line(maxLineBytes + 1);
  if (first.length > maxLineBytes) return { status: 414 };
  const head = parseRequestLine(first.toString('latin1'));
  if ('status' in head) return head;
  const lines: string[] = [];
  for (;;) {
    const line = await reader.line(maxLineBytes + 1);
    if (line.length > maxLineBytes) return { status: 431 };
    const text = line.toString('latin1');
    lines.push(text);
    if (text === '\r\n' || text === '\n' || text === '') break;
    if (lines.length > maxFields) return { status: 431 };
  }
  return { ...head, fields: parseFields(lines), raw: first.toString('latin1') + lines.join('') };
}

function parseRequestLine(line: string): Pick<PythonHead, 'method' | 'target' | 'version'> | HeadFault {
  // oxlint-disable-next-line no-control-regex -- str.split() of Python takes these for blanks
  const words = line.split(/[\s\x1c-\x1f\x85]+/).filter((word) => word !== '');
  const [method, target, version] = words;
  if (method === undefined) return { status: undefined };
  if (target === undefined || words.length > 3) return { status: 400 };
  if (version === undefined) {
    return method === 'GET' ? { method, target, version: 'HTTP/0.9' } : { status: 400 };
  }
  const digits = /^HTTP\/(\d{1,10})\.\d{1,10}$/.exec(version);
  if (digits === null) return { status: 400 };
  if (Number(digits[1]) >= 2) return { status: 505 };
  return { method, target, version: 'HTTP/1.x' };
}

/**
 * Python's e-mail parser: a line that begins with a blank continues the field before it, one without a name is skipped, and
 * one that is no field at all ends the section, so that the fields behind it are lost.
 */
function parseFields(lines: readonly string[]): [name: string, value: string][] {
  const fields: [name: string, value: string][] = [];
  let current: [name: string, value: string] | undefined;
  for (const line of lines) {
    if (/^[ \t]/.test(line)) {
      if (current !== undefined) current[1] += line;
      continue;
    }
    current = undefined;
    if (line.startsWith(':')) continue;
    const field = /^([!-9;-~]+):[ \t]*(.*)$/s.exec(line);
    if (field === null) break;
    current = [field[1] ?? '', field[2] ?? ''];
    fields.push(current);
  }
  // Only line ends go: blanks behind a value stay, and so does a bare line feed inside a folded one.
  return fields.map(([name, value]) => [name, value.replace(/[\r\n]+$/, '').replaceAll('\r\n', '')]);
}

/** A body, or why there is none: it broke off, its framing is wrong, or it is larger than `maxBytes`. */
export type PythonBody = { body: Buffer } | { status: 400 | 413 };

/** Reads the body that the fields announce; chunked wins over Content-Length, and a bad length means none. */
export async function readPythonBody(
  reader: SocketReader,
  { fields, maxBytes }: { fields: PythonHead['fields']; maxBytes: number },
): Promise<PythonBody> {
  const valueOf = (name: string): string => fields.findLast(([key]) => key.toLowerCase() === name)?.[1] ?? '';
  const codings = fields
    .filter(([key]) => key.toLowerCase() === 'transfer-encoding')
    .map(([, value]) => value);
  if (
    codings
      .join(',')
      .toLowerCase()
      .split(',')
      .some((coding) => coding.trim() === 'chunked')
  ) {
    return readChunks(reader, maxBytes);
  }
  const text = valueOf('content-length');
  const length = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (length > maxBytes) return { status: 413 };
  const body = await reader.bytes(length);
  return body.length < length ? { status: 400 } : { body };
}

async function readChunks(reader: SocketReader, maxBytes: number): Promise<PythonBody> {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const size = (await reader.line(maxLineBytes)).toString('latin1').trim();
    // int(text, 16) takes a prefix, signs and underscores.
    const digits = /^\+?(?:0x)?((?:[0-9a-f]_?)*[0-9a-f])$/i.exec(size)?.[1]?.replaceAll('_', '');
    if (digits === undefined) return { status: 400 };
    const length = Number.parseInt(digits, 16);
    total += length;
    if (total > maxBytes) return { status: 413 };
    const chunk = await reader.bytes(length);
    if (chunk.length < length) return { status: 400 };
    chunks.push(chunk);
    const end = (await reader.line(3)).toString('latin1');
    if (end !== '\r\n' && end !== '\n') return { status: 400 };
    if (length === 0) return { body: Buffer.concat(chunks) };
  }
}
