/** The name of a certificate's subject: relative names in the order of the certificate, each with one or more attributes. */
export type DistinguishedName = readonly (readonly NameAttribute[])[];

export interface NameAttribute {
  /** Short name such as `CN`, or dotted numbers for a type without one. */
  type: string;
  value: string;
}

/** Attribute types that have a short name: RFC 4514 §3, and two that certificates use often. */
export const attributeTypes: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
]);

/** All values of one attribute type, in the order of the certificate. */
export function attributeValues(name: DistinguishedName, type: string): string[] {
  return name.flat().flatMap((attribute) => (attribute.type === type ? [attribute.value] : []));
}

/**
 * The name as RFC 4514 text: last relative name first, so `CN=edi,O=acme`. Two names have the same text only if they are
 * the same: what has a meaning in the syntax is escaped, so that the value `admin,O=x` cannot imitate an attribute.
 */
export function renderDistinguishedName(name: DistinguishedName): string {
  return name
    .toReversed()
    .map((attributes) => attributes.map(({ type, value }) => `${type}=${escapeValue(value)}`).join('+'))
    .join(',');
}

function escapeValue(value: string): string {
  return (
    value
      .replace(/["+,;<>\\=]/g, String.raw`\$&`)
      .replace(/^[ #]| $/g, String.raw`\$&`)
      // Control characters would break a log line; RFC 4514 writes any byte as a hex pair.
      // oxlint-disable-next-line no-control-regex
      .replace(/[\u0000-\u001f\u007f]/g, (char) => `\\${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
  );
}

/** Reads RFC 4514 text as a user writes it; undefined when it is not a name. `#hex` values are not read. */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const name: NameAttribute[][] = [];
  let attributes: NameAttribute[] = [];
  let at = 0;
  for (;;) {
    const type = /^\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=\s*/.exec(text.slice(at));
    if (type?.[1] === undefined) return undefined;
    at += type[0].length;
    const value = readValue(text, at);
    if (value === undefined) return undefined;
    attributes.push({ type: canonicalType(type[1]), value: value.text });
    at = value.end + 1;
    if (text[value.end] === '+') continue;
    name.push(attributes);
    attributes = [];
    if (value.end >= text.length) return name.toReversed();
  }
}

function canonicalType(written: string): string {
  const known = attributeTypes.get(written);
  if (known !== undefined) return known;
  for (const short of attributeTypes.values()) {
    if (short.toLowerCase() === written.toLowerCase()) return short;
  }
  return written;
}

/** One value up to an unescaped `,` or `+`; blanks around it that are not escaped do not belong to it. */
function readValue(text: string, start: number): { text: string; end: number } | undefined {
  const bytes: Buffer[] = [];
  let solid = 0;
  let at = start;
  while (at < text.length && text[at] !== ',' && text[at] !== '+') {
    const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (char === '\\') {
      const pair = /^[0-9a-fA-F]{2}/.exec(text.slice(at + 1, at + 3))?.[0];
      if (pair === undefined && !/^["+,;<>\\= #]/.test(text.slice(at + 1))) return undefined;
      bytes.push(pair === undefined ? Buffer.from(text.charAt(at + 1)) : Buffer.from(pair, 'hex'));
      at += pair === undefined ? 2 : 3;
      solid = bytes.length;
      continue;
    }
    if (/["<>;]/.test(char) || (char === '#' && bytes.length === 0)) return undefined;
    bytes.push(Buffer.from(char));
    at += char.length;
    if (char !== ' ') solid = bytes.length;
  }
  return { text: Buffer.concat(bytes.slice(0, solid)).toString(), end: at };
}
