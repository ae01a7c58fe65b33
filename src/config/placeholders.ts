/** One piece of a text that may hold placeholders; `start` and `end` are offsets into the authored text. */
export type TextPart = { start: number; end: number } & (
  | { kind: 'text'; text: string }
  | { kind: 'file'; path: string }
  | { kind: 'env'; name: string; fallback: string | undefined }
  | { kind: 'malformed'; text: string }
);

/**
 * Splits a text at its placeholders: `${file:PATH}`, `${env:NAME}` and `${env:NAME:-FALLBACK}`. `$${` stands for a plain
 * `${`. Any other `${` is malformed, so that a typing error never reaches an upstream as text.
 */
export function parsePlaceholders(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    const escaped = dollar !== -1 && text.startsWith('$${', dollar);
    if (dollar === -1 || (!escaped && !text.startsWith('${', dollar))) {
      const end = dollar === -1 ? text.length : dollar + 1;
      parts.push({ kind: 'text', text: text.slice(at, end), start: at, end });
      at = end;
      continue;
    }
    if (dollar > at) parts.push({ kind: 'text', text: text.slice(at, dollar), start: at, end: dollar });
    if (escaped) {
      parts.push({ kind: 'text', text: '${', start: dollar, end: dollar + 3 });
      at = dollar + 3;
      continue;
    }
    const brace = text.indexOf('}', dollar);
    const end = brace === -1 ? text.length : brace + 1;
    parts.push(readPlaceholder(text.slice(dollar, end), dollar, end));
    at = end;
  }
  return parts;
}

function readPlaceholder(text: string, start: number, end: number): TextPart {
  const path = /^\$\{file:([^{}]+)\}$/s.exec(text)?.[1];
  if (path !== undefined) return { kind: 'file', path, start, end };
  const env = /^\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}$/s.exec(text);
  if (env?.[1] !== undefined) return { kind: 'env', name: env[1], fallback: env[2], start, end };
  return { kind: 'malformed', text, start, end };
}
