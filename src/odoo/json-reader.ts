// hot path: reads a kilobyte in a few microseconds, because nothing is built but what is asked for.
import type { CallReader, ValueKind } from './call-reader.ts';

/** No call is nested deeper; Python's own reader gives up at about a thousand. */
const maxDepth = 200;
/** Keys of one mapping whose keys are read. */
const maxKeys = 100;
/** Python refuses whole numbers of more than 4,300 digits. */
const maxNumberLength = 1_000;
/** Shorter texts are scanned sooner than a regular expression is called. */
const shortText = 24;

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** Neither a quote nor a backslash nor a control character. */
const plainText = /[ !#-[\]-\xff]*/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const asciiOnly = /^[ -\x7f]*$/;

/**
 * Walks through one JSON text. Where it finds the text whole (`end`), Python's `json` reads the same out of it: NaN and Infinity
 * are numbers there too, bytes that are no UTF-8 become U+FFFD, halves of surrogate pairs stay. A key that stands twice in a
 * mapping whose keys are read is a mistake, so that it does not matter which of the two counts.
 */
export class JsonReader implements CallReader {
  /** One character for each byte. */
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #failed = false;
  /** Keys met in the mappings that are open, one list each. */
  readonly #keys: string[][] = [];
  /** Whether the mapping or list that is open has had an entry, one bit for each depth above. */
  readonly #begun: boolean[] = [];

  constructor(bytes: Buffer) {
    this.#text = bytes.toString('latin1');
  }

  kind(): ValueKind {
    switch (this.#peek()) {
      case 0x7b:
        return 'mapping';
      case 0x5b:
        return 'list';
      case 0x22:
        return 'text';
      case 0x6e:
      case 0x74:
      case 0x66:
        return 'other';
      default:
        return this.#failed || this.#at >= this.#text.length ? 'none' : 'number';
    }
  }

  openMapping(): boolean {
    if (this.#peek() !== 0x7b || !this.#descend()) return false;
    this.#keys.push([]);
    return true;
  }

  nextKey(): string | undefined {
    if (!this.#nextEntry(0x7d)) {
      this.#keys.pop();
      return undefined;
    }
    const key = this.#peek() === 0x22 ? this.#readText() : this.#fail();
    if (key === undefined) return undefined;
    if (this.#peek() !== 0x3a) return this.#fail();
    this.#at++;
    const keys = this.#keys.at(-1) ?? [];
    if (keys.length >= maxKeys || keys.includes(key)) return this.#fail();
    keys.push(key);
    return key;
  }

  openList(): boolean {
    return this.#peek() === 0x5b && this.#descend();
  }

  nextItem(): boolean {
    return this.#nextEntry(0x5d);
  }

  text(): string | undefined {
    if (this.#peek() === 0x22) return this.#readText();
    this.skip();
    return undefined;
  }

  scalar(): string | number | boolean | undefined {
    const code = this.#peek();
    if (code === 0x22) return this.#readText();
    const start = this.#at;
    this.skip();
    if (this.#failed || code === 0x7b || code === 0x5b) return undefined;
    if (code === 0x74) return true;
    if (code === 0x66) return false;
    const value = Number(this.#text.slice(start, this.#at));
    return Number.isFinite(value) ? value : undefined;
  }

  skip(): void {
    const code = this.#peek();
    if (code === 0x22) {
      if (this.#passText() === -1) this.#fail();
    } else if (code === 0x7b) this.#skipEntries(0x7d);
    else if (code === 0x5b) this.#skipEntries(0x5d);
    else if (code === 0x74) this.#passWord('true');
    else if (code === 0x66) this.#passWord('false');
    else if (code === 0x6e) this.#passWord('null');
    else if (code === 0x4e) this.#passWord('NaN');
    else if (code === 0x49) this.#passWord('Infinity');
    else this.#passNumber();
  }

  /** Where the next value begins, for `rewind`. */
  mark(): number {
    return this.#at;
  }

  /** Goes back to a value that was skipped, or forth again to what stands behind its mapping. */
  rewind(mark: number): void {
    if (!this.#failed) this.#at = mark;
  }

  end(): boolean {
    this.#peek();
    return !this.#failed && this.#depth === 0 && this.#at === this.#text.length;
  }

  /** The character behind blanks; NaN at the end. */
  #peek(): number {
    const text = this.#text;
    let code = text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09)
      code = text.charCodeAt(++this.#at);
    return code;
  }

  #fail(): undefined {
    this.#failed = true;
    this.#at = this.#text.length;
    return undefined;
  }

  #descend(): boolean {
    if (this.#depth >= maxDepth) {
      this.#fail();
      return false;
    }
    this.#at++;
    this.#begun[this.#depth++] = false;
    return true;
  }

  #nextEntry(close: number): boolean {
    const code = this.#peek();
    if (this.#failed) return false;
    const level = this.#depth - 1;
    if (code === close) {
      this.#at++;
      this.#depth = level;
      return false;
    }
    if (this.#begun[level] === true) {
      if (code !== 0x2c) {
        this.#fail();
        return false;
      }
      this.#at++;
    } else this.#begun[level] = true;
    return true;
  }

  #skipEntries(close: number): void {
    if (!this.#descend()) return;
    while (this.#nextEntry(close)) {
      if (close === 0x7d) {
        if (this.#peek() !== 0x22 || this.#passText() === -1 || this.#peek() !== 0x3a) {
          this.#fail();
          return;
        }
        this.#at++;
      }
      this.skip();
    }
  }

  #readText(): string | undefined {
    const start = this.#at + 1;
    const escaped = this.#passText();
    if (escaped === -1) return this.#fail();
    const raw = this.#text.slice(start, this.#at - 1);
    if (escaped === 0 && asciiOnly.test(raw)) return raw;
    const text = Buffer.from(raw, 'latin1').toString();
    // Well-formed, as `#passText` has found.
    return escaped === 0 ? text : String(JSON.parse(`"${text}"`));
  }

  /** Goes behind a text. 1 when something in it is escaped, else 0; -1 when it is not well-formed. */
  #passText(): number {
    const text = this.#text;
    let at = this.#at + 1;
    let escaped = 0;
    for (let near = at + shortText; ; near = at + shortText) {
      let code = text.charCodeAt(at);
      while (at < near && code !== 0x22 && code !== 0x5c && code >= 0x20) code = text.charCodeAt(++at);
      if (at >= near) {
        plainText.lastIndex = at;
        plainText.test(text);
        at = plainText.lastIndex;
        code = text.charCodeAt(at);
      }
      if (code === 0x22) {
        this.#at = at + 1;
        return escaped;
      }
      if (code !== 0x5c) return -1;
      escape.lastIndex = at;
      if (!escape.test(text)) return -1;
      at = escape.lastIndex;
      escaped = 1;
    }
  }

  #passWord(word: string): void {
    if (this.#text.startsWith(word, this.#at)) this.#at += word.length;
    else this.#fail();
  }

  #passNumber(): void {
    const text = this.#text;
    number.lastIndex = this.#at;
    if (!number.test(text)) {
      if (text.startsWith('-Infinity', this.#at)) this.#at += 9;
      else this.#fail();
      return;
    }
    if (number.lastIndex - this.#at > maxNumberLength) this.#fail();
    else this.#at = number.lastIndex;
  }
}
