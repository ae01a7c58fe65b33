/**
 * Just enough of DER (X.690) to read names and extensions out of a certificate. `node:crypto` gives them as display text,
 * in which a crafted value can imitate another attribute, and does not give path length and critical extensions at all.
 * Signatures, keys and dates stay with `node:crypto`.
 */
export interface DerValue {
  tag: number;
  content: Buffer;
}

export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

// A certificate of 64 KiB needs three length bytes at most.
const maxLengthBytes = 3;

/** All values that stand side by side in `bytes`; undefined when they are not well-formed DER. */
export function readDerValues(bytes: Buffer): DerValue[] | undefined {
  const values: DerValue[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at];
    const first = bytes[at + 1];
    // Tag numbers above 30 use more bytes; X.509 has none.
    if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
    at += 2;
    let length = first;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0 || count > maxLengthBytes || at + count > bytes.length) return undefined;
      length = bytes.readUIntBE(at, count);
      // DER knows one way only to write a length: the shortest.
      if (length < 0x80 || length < 256 ** (count - 1)) return undefined;
      at += count;
    }
    if (at + length > bytes.length) return undefined;
    values.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return values;
}

/** The values inside the constructed value `value`, when it has this tag; undefined otherwise. */
export function readDerChildren(value: DerValue | undefined, tag: number): DerValue[] | undefined {
  return value?.tag === tag ? readDerValues(value.content) : undefined;
}

/** An object identifier as dotted numbers. */
export function readObjectIdentifier(value: DerValue | undefined): string | undefined {
  if (value?.tag !== derTag.objectIdentifier || value.content.length === 0) return undefined;
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of value.content) {
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) return undefined;
    if (byte < 0x80) {
      if (arcs.length === 0) {
        const root = Math.min(2, Math.floor(arc / 40));
        arcs.push(root, arc - root * 40);
      } else {
        arcs.push(arc);
      }
      arc = 0;
    }
  }
  const unfinished = (value.content.at(-1) ?? 0) >= 0x80;
  return unfinished ? undefined : arcs.join('.');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A character string; undefined for string types without one clear meaning (T61String) and for bytes outside the type. */
export function readDerText(value: DerValue): string | undefined {
  switch (value.tag) {
    case derTag.utf8String:
      try {
        return utf8.decode(value.content);
      } catch {
        return undefined;
      }
    case derTag.printableString:
    case derTag.ia5String:
      return readAscii(value.content);
    case derTag.bmpString:
      if (value.content.length % 2 !== 0) return undefined;
      return Buffer.from(value.content).swap16().toString('utf16le');
    default:
      return undefined;
  }
}

/** Bytes that are all ASCII, as text. */
export function readAscii(bytes: Buffer): string | undefined {
  return bytes.every((byte) => byte < 0x80) ? bytes.toString('latin1') : undefined;
}
