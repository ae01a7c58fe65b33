const unknownEntity = /&(?!(?:lt|gt|amp|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)/;
const entity = /&(?:#([0-9]+)|#x([0-9A-Fa-f]+)|([a-z]+));/g;
const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** The text that stands for `raw`; undefined when it has an entity that is not one of XML's own. XML 1.0 §2.11 on line ends. */
export function decodeXml(raw: string): string | undefined {
  const text = raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw;
  if (!text.includes('&')) return text;
  if (unknownEntity.test(text)) return undefined;
  let known = true;
  const decoded = text.replace(entity, (_, decimal, hex, name) => {
    if (name !== undefined) return named[String(name)] ?? '';
    const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
    known &&= isCharacter(code);
    return known ? String.fromCodePoint(code) : '';
  });
  return known ? decoded : undefined;
}

/** XML 1.0 §2.2. */
function isCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x1_0000 && code <= 0x10_ffff);
}
