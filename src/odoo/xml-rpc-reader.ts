import { isUtf8 } from 'node:buffer';
import type { CallReader, ValueKind } from './call-reader.ts';
import { longestTag, type TypeTag, typeTags, type ValueType } from './xml-rpc-types.ts';
import { decodeXml } from './xml-text.ts';

/** No call is nested deeper. */
const maxDepth = 100;
const maxKeys = 100;

/** Other encodings would be other texts; without a declaration it is UTF-8. */
const declaration =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.0\1(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])(?:utf-?8|us-ascii)\2)?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(?:yes|no)\3)?[ \t\r\n]*\?>/i;
const notXml = /[^\t\n\r -\ufffd]|\]\]>/;
/** What is open, and by which tags it is closed. `hollow` was closed as soon as it was opened. */
type Level = 'params' | 'array' | 'struct' | 'hollow';

/**
 * Walks through one XML-RPC call, in the form that XML-RPC libraries write and no other: UTF-8, no attributes, DOCTYPE, comments,
 * CDATA, processing instructions or entities of its own, one method name before the parameters. Python's `xmlrpc.client`, which
 * takes all that, reads the same out of what is whole here. The parameters are a list.
 */
export class XmlRpcReader implements CallReader {
  /** Undefined when the text does not begin a call. */
  readonly method: string | undefined;
  readonly #text: string;
  #at = 0;
  #failed = false;
  readonly #levels: Level[] = [];
  /** Whether the level above has had an entry. */
  readonly #begun: boolean[] = [];
  /** Keys met in the structs that are open, one list each. */
  readonly #keys: string[][] = [];
  /** Of the value that was opened last: how it is closed, and whether it was closed at once. */
  #closing = '';
  #hollow = false;

  constructor(bytes: Buffer) {
    this.#text = isUtf8(bytes) ? bytes.toString() : '';
    this.method = this.#readStart() ?? this.#fail();
  }

  kind(): ValueKind {
    const start = this.#at;
    const type = this.#openValue();
    if (type === undefined) return 'none';
    this.#at = start;
    if (type === 'struct') return 'mapping';
    if (type === 'array') return 'list';
    if (type === 'bare' || type === 'string') return 'text';
    return type === 'whole' || type === 'double' ? 'number' : 'other';
  }

  openMapping(): boolean {
    if (!this.#openLevel('struct')) return false;
    this.#keys.push([]);
    return true;
  }

  nextKey(): string | undefined {
    const key = this.#nextName();
    if (key === undefined) {
      this.#keys.pop();
      return undefined;
    }
    const keys = this.#keys.at(-1) ?? [];
    // Python takes the last of two.
    if (keys.length >= maxKeys || keys.includes(key)) return this.#fail();
    keys.push(key);
    return key;
  }

  openList(): boolean {
    if (this.#levels.length > 0) return this.#openLevel('array');
    if (this.#failed) return false;
    // A call may also have no parameters at all.
    const hollow = !this.#pass('<params>');
    if (hollow && !this.#pass('<params/>')) this.#pass('<params />');
    return this.#descend(hollow ? 'hollow' : 'params');
  }

  nextItem(): boolean {
    const level = this.#levels.at(-1);
    if (this.#failed || level === undefined) return false;
    if (level === 'hollow') return this.#leave();
    if (level === 'params') {
      if (this.#begun.at(-1) === true && !this.#expect('</param>')) return false;
      if (!this.#pass('<param>')) return this.#expect('</params>') && this.#leave();
    } else if (this.#looksAt('</data>')) {
      this.#pass('</data>');
      return this.#expect('</array>') && this.#expect('</value>') && this.#leave();
    }
    this.#begun[this.#begun.length - 1] = true;
    return true;
  }

  text(): string | undefined {
    const kind = this.kind();
    const value = this.scalar();
    return kind === 'text' && typeof value === 'string' ? value : undefined;
  }

  scalar(): string | number | boolean | undefined {
    const type = this.#openValue();
    if (type === undefined) return undefined;
    if (type === 'struct' || type === 'array') {
      this.#skipLevel(type);
      return undefined;
    }
    if (type === 'bare') return this.#hollow ? '' : this.#content('</value>');
    const content = this.#hollow ? '' : this.#content(this.#closing);
    if (content === undefined || !this.#expect('</value>')) return undefined;
    if (type === 'string') return content;
    if (type === 'boolean') return content === '1' ? true : content === '0' ? false : this.#fail();
    return type === 'whole' || type === 'double' ? readNumber(content) : undefined;
  }

  skip(): void {
    this.scalar();
  }

  end(): boolean {
    if (this.#failed || this.#levels.length > 0 || !this.#expect('</methodCall>')) return false;
    this.#passBlanks();
    return this.#at === this.#text.length;
  }

  #readStart(): string | undefined {
    if (notXml.test(this.#text)) return undefined;
    this.#at = declaration.exec(this.#text)?.[0].length ?? 0;
    if (!this.#pass('<methodCall>') || !this.#pass('<methodName>')) return undefined;
    const name = this.#content('</methodName>');
    // Python takes the name as it stands, blanks and all.
    return name !== undefined && /^[A-Za-z0-9_.]+$/.test(name) ? name : undefined;
  }

  #nextName(): string | undefined {
    const level = this.#levels.at(-1);
    if (this.#failed || level === undefined) return undefined;
    if (level === 'hollow') this.#leave();
    else if (this.#begun.at(-1) === true && !this.#expect('</member>')) return undefined;
    else if (this.#pass('<member>')) {
      this.#begun[this.#begun.length - 1] = true;
      return this.#expect('<name>') ? this.#content('</name>') : undefined;
    } else if (this.#expect('</struct>') && this.#expect('</value>')) this.#leave();
    return undefined;
  }

  /** Goes behind the opening tags of a value. */
  #openValue(): ValueType | undefined {
    this.#hollow = false;
    if (this.#failed) return undefined;
    if (!this.#pass('<value>')) {
      if (!this.#pass('<value/>') && !this.#expect('<value />')) return undefined;
      this.#hollow = true;
      return 'bare';
    }
    const inside = this.#at;
    this.#passBlanks();
    const found = this.#typeHere();
    if (found === undefined) {
      this.#at = inside;
      return 'bare';
    }
    this.#closing = found.closing;
    this.#hollow = found.hollow;
    return found.type;
  }

  /** Goes behind an element that gives a type, where one begins here. */
  #typeHere(): TypeTag | undefined {
    const start = this.#at + 1;
    if (this.#text.charCodeAt(this.#at) !== 0x3c) return undefined;
    const end = this.#text.indexOf('>', start);
    if (end - start > longestTag || end === -1) return undefined;
    const found = typeTags.get(this.#text.slice(start, end));
    if (found !== undefined) this.#at = end + 1;
    return found;
  }

  /** Goes into a struct or an array; false, and nowhere, when the next value is none. */
  #openLevel(wanted: 'struct' | 'array'): boolean {
    const start = this.#at;
    const type = this.#openValue();
    if (type !== wanted) {
      if (!this.#failed) this.#at = start;
      return false;
    }
    return this.#enter(wanted);
  }

  #enter(type: 'struct' | 'array'): boolean {
    let hollow = this.#hollow;
    if (!hollow && type === 'array' && (this.#pass('<data/>') || this.#pass('<data />'))) {
      hollow = true;
      if (!this.#expect('</array>')) return false;
    } else if (!hollow && type === 'array' && !this.#expect('<data>')) return false;
    return (!hollow || this.#expect('</value>')) && this.#descend(hollow ? 'hollow' : type);
  }

  #skipLevel(type: 'struct' | 'array'): void {
    if (!this.#enter(type)) return;
    if (type === 'array') while (this.nextItem()) this.skip();
    else while (this.#nextName() !== undefined) this.skip();
  }

  #descend(level: Level): boolean {
    if (this.#levels.length >= maxDepth) {
      this.#fail();
      return false;
    }
    this.#levels.push(level);
    this.#begun.push(false);
    return true;
  }

  /** Always false: the level has no more entries. */
  #leave(): false {
    this.#levels.pop();
    this.#begun.pop();
    return false;
  }

  #fail(): undefined {
    this.#failed = true;
    this.#at = this.#text.length;
    return undefined;
  }

  /** The text up to the tag that closes it, which is passed. */
  #content(closing: string): string | undefined {
    const end = this.#text.indexOf('<', this.#at);
    if (end === -1 || !this.#text.startsWith(closing, end)) return this.#fail();
    const raw = this.#text.slice(this.#at, end);
    this.#at = end + closing.length;
    return decodeXml(raw) ?? this.#fail();
  }

  #passBlanks(): void {
    const text = this.#text;
    let code = text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09)
      code = text.charCodeAt(++this.#at);
  }

  #looksAt(tag: string): boolean {
    this.#passBlanks();
    return this.#text.startsWith(tag, this.#at);
  }

  #pass(tag: string): boolean {
    if (!this.#looksAt(tag)) return false;
    this.#at += tag.length;
    return true;
  }

  #expect(tag: string): boolean {
    if (this.#pass(tag)) return true;
    this.#fail();
    return false;
  }
}

/** Undefined for what is no number, and for what is too long to be exact. */
function readNumber(content: string): number | undefined {
  return /^[ \t\r\n]*[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?[ \t\r\n]*$/.test(content)
    ? Number(content)
    : undefined;
}
