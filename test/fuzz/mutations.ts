import fc, { type Arbitrary } from 'fast-check';

/** One alteration of a text; `at`, `length` and `pick` are taken modulo what there is. */
export interface Mutation {
  kind: (typeof kinds)[number];
  at: number;
  length: number;
  pick: number;
}

const kinds = [
  'flip',
  'set',
  'insert',
  'delete',
  'repeat',
  'splice',
  'line end',
  'repeat line',
  'swap lines',
] as const;

/** What parsers look for. */
const tokens = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t',
  '\0',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x85',
  '\xa0',
  '\xff',
  ':',
  ';',
  ',',
  '"',
  '\\',
  '=',
  '_',
  '-',
  '+',
  '0',
  '1',
  '5',
  'a',
  'F',
  '0x',
  '\r\n ',
  '\r\n\t',
  ' \r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '5;a=b\r\n',
  'HTTP/1.0',
  'HTTP/1.2',
  ' HTTP/1.1',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Host: b\r\n',
  'Expect: 100-continue\r\n',
  'Upgrade: websocket\r\n',
  'Content_Length: 9\r\n',
  'chunked',
  ', chunked',
  'GET /spliced HTTP/1.1\r\nHost: s\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  '18446744073709551616',
];
const lineEnds = ['\n', '\r', '\r\r\n', '\n\r', '', '\r\n\r\n', '\r\n ', ' \r\n', '\0'];

export const mutations: Arbitrary<Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...kinds),
    at: fc.nat(4095),
    length: fc.integer({ min: 1, max: 24 }),
    pick: fc.nat(4095),
  }),
  { minLength: 0, maxLength: 4 },
);

/** Applies alterations one after the other; `others` is what a splice takes its rest from. */
export function mutate(text: string, changes: readonly Mutation[], others: readonly string[]): string {
  let result = text;
  for (const change of changes) result = alter(result, change, others);
  return result;
}

function alter(text: string, { kind, at, length, pick }: Mutation, others: readonly string[]): string {
  const place = at % (text.length + 1);
  const before = text.slice(0, place);
  const behind = text.slice(place);
  switch (kind) {
    case 'flip':
      return before + String.fromCharCode((behind.charCodeAt(0) || 0) ^ (1 << (pick % 8))) + behind.slice(1);
    case 'set':
      return before + String.fromCharCode(pick % 256) + behind.slice(1);
    case 'insert':
      return before + chosen(tokens, pick) + behind;
    case 'delete':
      return before + behind.slice(length);
    case 'repeat':
      return before + behind.slice(0, length) + behind;
    case 'splice': {
      const other = chosen(others, pick);
      return before + other.slice(at % (other.length + 1));
    }
    case 'line end': {
      const parts = text.split('\r\n');
      if (parts.length === 1) return text;
      const first = parts.slice(0, 1 + (at % (parts.length - 1)));
      return first.join('\r\n') + chosen(lineEnds, pick) + parts.slice(first.length).join('\r\n');
    }
    case 'repeat line':
    case 'swap lines': {
      const lines = text.split('\r\n');
      const from = at % lines.length;
      const to = pick % lines.length;
      const line = lines[from] ?? '';
      if (kind === 'swap lines') lines[from] = lines[to] ?? '';
      if (kind === 'swap lines') lines[to] = line;
      else lines.splice(to, 0, line);
      return lines.join('\r\n');
    }
  }
}

function chosen(list: readonly string[], pick: number): string {
  return list[pick % list.length] ?? '';
}
