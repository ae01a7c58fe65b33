// hot path: reads each call of the web client and of programs, once.
import type { CallReader } from './call-reader.ts';
import { JsonReader } from './json-reader.ts';
import { XmlRpcReader } from './xml-rpc-reader.ts';

export type Scalar = string | number | boolean | undefined;

/** How much a call of a model is about. */
export interface CallSize {
  /** How many records: ids, or rows of a `create`. */
  records: number | undefined;
  /** Most records that it asks for; undefined without a limit. */
  limit: number | undefined;
}

/** A call to `/jsonrpc` or `/xmlrpc`, as Odoo's `dispatch_rpc` gets it (odoo/service). */
export interface RpcCall extends CallSize {
  service: string;
  method: string;
  /** The first five arguments; undefined stands for one that is no text, number or truth value, or is not there. */
  heads: readonly Scalar[];
}

/** The call of a model that Odoo's own client sends. */
export interface ModelCall extends CallSize {
  model: string;
  method: string;
}

/** Database, user, secret, model and method stand before what is for the model. */
const headCount = 5;

/** Where methods take their limit when it has no name (odoo/orm/models.py, addons/web/models/models.py). */
const limitPlaces: Readonly<Record<string, number>> = {
  search: 2,
  search_read: 3,
  web_search_read: 3,
  name_search: 3,
  web_name_search: 4,
};

/** A JSON-RPC call; undefined when the body is not one, or can be read in more than one way. */
export function readJsonRpc(body: Buffer): RpcCall | undefined {
  return readParams(body, readRpcParams);
}

/** An XML-RPC call to a service; undefined when the body is not one, or is not in the plain form. */
export function readXmlRpc(service: string, body: Buffer): RpcCall | undefined {
  const reader = new XmlRpcReader(body);
  const { method } = reader;
  if (method === undefined) return undefined;
  const call = readRpcArguments(reader, service, method);
  return reader.end() ? call : undefined;
}

/** A call of Odoo's own client: only the body counts, whatever the URL says (addons/web/controllers/dataset.py). */
export function readCallKw(body: Buffer): ModelCall | undefined {
  return readParams(body, readKwParams);
}

/** What stands in `params` of a JSON-RPC body. */
function readParams<Call>(
  body: Buffer,
  readInside: (reader: JsonReader) => Call | undefined,
): Call | undefined {
  const reader = new JsonReader(body);
  let call: Call | undefined;
  if (reader.openMapping()) {
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (key === 'params' && reader.openMapping()) call = readInside(reader);
      else reader.skip();
    }
  }
  return reader.end() ? call : undefined;
}

/** What the body of a JSON-2 call says of its size; all of it are named arguments (addons/rpc/controllers/json2.py). */
export function readJson2Size(body: Buffer): CallSize | undefined {
  const reader = new JsonReader(body);
  const size = new SizeReader();
  if (!reader.openMapping()) return undefined;
  size.readEntries(reader);
  return reader.end() ? size.result('') : undefined;
}

/** Named texts of `params` of a JSON-RPC body; undefined for a body that cannot be read, or a value that is no text. */
export function readJsonParams(body: Buffer, names: readonly string[]): Map<string, string> | undefined {
  const reader = new JsonReader(body);
  const found = new Map<string, string>();
  if (!reader.openMapping()) return undefined;
  for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
    if (key !== 'params' || !reader.openMapping()) {
      reader.skip();
      continue;
    }
    for (let name = reader.nextKey(); name !== undefined; name = reader.nextKey()) {
      if (!names.includes(name)) {
        reader.skip();
        continue;
      }
      const value = reader.text();
      if (value !== undefined) found.set(name, value);
    }
  }
  return reader.end() ? found : undefined;
}

function readRpcParams(reader: JsonReader): RpcCall | undefined {
  let service: string | undefined;
  let method: string | undefined;
  let call: RpcCall | undefined;
  let argsAt = -1;
  for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
    if (key === 'service') service = reader.text();
    else if (key === 'method') method = reader.text();
    else if (key !== 'args') reader.skip();
    else if (service !== undefined && method !== undefined) call = readRpcArguments(reader, service, method);
    else {
      argsAt = reader.mark();
      reader.skip();
    }
  }
  if (argsAt === -1 || service === undefined || method === undefined) return call;
  // Keys may stand in any order, and what the arguments mean depends on the method.
  const behind = reader.mark();
  reader.rewind(argsAt);
  call = readRpcArguments(reader, service, method);
  reader.rewind(behind);
  return call;
}

function readRpcArguments(reader: CallReader, service: string, method: string): RpcCall | undefined {
  if (!reader.openList()) {
    // Python would take a mapping or a text apart: `args: "ab"` is a database called a.
    reader.skip();
    return undefined;
  }
  const heads: Scalar[] = [];
  const size = new SizeReader();
  const named = method === 'execute_kw';
  for (let i = 0; reader.nextItem(); i++) {
    if (i < headCount) heads.push(reader.scalar());
    else if (!named) size.readPlace(reader, i - headCount);
    else if (i === headCount) size.readPlaces(reader);
    else if (i === headCount + 1) size.readNamed(reader);
    else reader.skip();
  }
  const { records, limit } = size.result(heads[4]);
  return { service, method, heads, records, limit };
}

function readKwParams(reader: JsonReader): ModelCall | undefined {
  let model: string | undefined;
  let method: string | undefined;
  const size = new SizeReader();
  for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
    if (key === 'model') model = reader.text();
    else if (key === 'method') method = reader.text();
    else if (key === 'args') size.readPlaces(reader);
    else if (key === 'kwargs') size.readNamed(reader);
    else reader.skip();
  }
  if (model === undefined || method === undefined) return undefined;
  const { records, limit } = size.result(method);
  return { model, method, records, limit };
}

/** Gathers what the arguments of a model's method say of their size. */
class SizeReader {
  #records: number | undefined;
  #limit: number | undefined;
  /** Numbers among the arguments without a name, by place. */
  readonly #numbers: (number | undefined)[] = [];

  /** Arguments without a name, in a list of their own. */
  readPlaces(reader: CallReader): void {
    if (!reader.openList()) {
      reader.skip();
      return;
    }
    for (let i = 0; reader.nextItem(); i++) this.readPlace(reader, i);
  }

  readPlace(reader: CallReader, place: number): void {
    if (place === 0) this.#records = countRecords(reader);
    else if (place <= 4 && reader.kind() === 'number') this.#numbers[place] = readCount(reader);
    else reader.skip();
  }

  /** Arguments with a name, in a mapping of their own. */
  readNamed(reader: CallReader): void {
    if (reader.openMapping()) this.readEntries(reader);
    else reader.skip();
  }

  /** Those of the mapping that is open. */
  readEntries(reader: CallReader): void {
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (key === 'limit') this.#limit = readCount(reader);
      else if (key === 'ids' || key === 'vals_list') this.#records = countRecords(reader);
      else reader.skip();
    }
  }

  result(method: Scalar): CallSize {
    const place = typeof method === 'string' && Object.hasOwn(limitPlaces, method) ? limitPlaces[method] : 0;
    const limit = this.#limit ?? this.#numbers[place ?? 0];
    // To Odoo no limit and a limit of 0 are the same.
    return { records: this.#records, limit: limit === 0 ? undefined : limit };
  }
}

function readCount(reader: CallReader): number | undefined {
  const value = reader.scalar();
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

/** One id or row, or a list of them; undefined for anything else, such as a domain, which may be empty. */
function countRecords(reader: CallReader): number | undefined {
  const kind = reader.kind();
  if (kind !== 'list') {
    reader.skip();
    return kind === 'number' || kind === 'mapping' ? 1 : undefined;
  }
  let count = 0;
  let records = true;
  reader.openList();
  while (reader.nextItem()) {
    const item = reader.kind();
    records &&= item === 'number' || item === 'mapping';
    count++;
    reader.skip();
  }
  return records && count > 0 ? count : undefined;
}
