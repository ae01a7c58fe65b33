import fc from 'fast-check';

/** A value as JSON and XML-RPC can both write it. */
export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };

const words = [
  'acme',
  'globex',
  'stock.picking',
  'res.users',
  'read',
  'search_read',
  'execute_kw',
  'execute',
  'object',
  'common',
  'db',
  '',
  'a"b\\c',
  '<&>',
  'zürich',
  '日本',
  '😀',
  ' blank ',
  'line\r\nend\r',
  '\t',
];
const text = fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'grapheme', maxLength: 6 }));
const number = fc.oneof(
  fc.integer({ min: -3, max: 2_000 }),
  fc.constantFrom(0, -0, 1.5, 1e3, 123456789012, -7.25),
);

const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
}));

const ids = fc.array(fc.integer({ min: 1, max: 9_999 }), { maxLength: 6 });
const rows = fc.array(fc.dictionary(text, value, { maxKeys: 2 }), { maxLength: 3 });
const named = fc.record(
  { limit: fc.oneof(number, fc.constant(null), fc.constant(false)), fields: value, context: value },
  { requiredKeys: [] },
) as fc.Arbitrary<Value>;
const places = fc.array(fc.oneof(ids, rows, value), { maxLength: 5 }) as fc.Arbitrary<Value>;
const heads = fc.tuple(text, fc.oneof(number, text, fc.boolean()), text, text, text);

/** Arguments of an RPC call: mostly as they should be, sometimes anything. */
export const rpcArguments: fc.Arbitrary<Value> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(heads, places, named).map(([first, ...rest]): Value => [...first, ...rest]),
  },
  { weight: 2, arbitrary: fc.tuple(heads, places).map(([first, rest]): Value => [...first, rest]) },
  { weight: 2, arbitrary: fc.tuple(heads, ids).map(([first, rest]): Value => [...first, ...rest]) },
  { weight: 1, arbitrary: heads.map((first): Value => [...first]) },
  { weight: 1, arbitrary: value },
);

const service = fc.oneof(fc.constantFrom('object', 'object', 'common', 'db'), value);
const rpcMethod = fc.oneof(fc.constantFrom('execute_kw', 'execute_kw', 'execute', 'login', 'version'), value);

/** `params` of /jsonrpc. */
export const rpcParams: fc.Arbitrary<Value> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ service, method: rpcMethod, args: rpcArguments }) },
  { weight: 1, arbitrary: value },
);

/** `params` of /web/dataset/call_kw. */
export const kwParams: fc.Arbitrary<Value> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      { model: fc.oneof(text, value), method: fc.oneof(text, value), args: places, kwargs: named },
      { requiredKeys: ['model', 'method'] },
    ),
  },
  { weight: 1, arbitrary: value },
);

/** The body of a JSON-2 call. */
export const json2Body = fc
  .record({ ids: fc.oneof(ids as fc.Arbitrary<Value>, value), named })
  .map(({ ids: of, named: rest }): Value => ({ ids: of, ...(rest as Record<string, Value>) }));

/** A stream of choices, so that one value can be written in many ways; 0 is always the plain way. */
export type Choose = (options: number) => number;

export const choices: fc.Arbitrary<number[]> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<number[]>([]) },
  { weight: 3, arbitrary: fc.array(fc.nat(1_000), { minLength: 5, maxLength: 40 }) },
);

/** Mostly the plain way: what is odd everywhere is read by nobody. */
export function chooseFrom(numbers: readonly number[]): Choose {
  let at = 0;
  return (options) => {
    const drawn = numbers[at++ % Math.max(numbers.length, 1)] ?? 0;
    return drawn < 700 ? 0 : drawn % options;
  };
}

/** Writes JSON in any of the ways in which it can be written: key order, blanks, escapes, equal keys, words of Python. */
export function writeJson(written: Value, choose: Choose): string {
  const blank = (): string => ['', ' ', '\n', '\t', '\r\n'][choose(5)] ?? '';
  const writeText = (plain: string): string => {
    const way = choose(4);
    if (way === 0) return JSON.stringify(plain);
    if (way === 3) return JSON.stringify(plain).replaceAll('/', '\\/');
    return `"${Array.from({ length: plain.length }, (_, i) => `\\u${plain.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`;
  };
  const write = (part: Value): string => {
    if (typeof part === 'string') return writeText(part);
    if (typeof part === 'number') {
      const exact = Object.is(part, -0) ? '-0' : String(part);
      return [exact, exact, 'NaN', 'Infinity', '-Infinity', `${exact}e0`, `0${exact}`][choose(7)] ?? exact;
    }
    if (part === null || typeof part === 'boolean') return String(part);
    if (Array.isArray(part)) return `[${part.map((item) => `${blank()}${write(item)}${blank()}`).join(',')}]`;
    const pairs = Object.entries(part).map(
      ([key, item]) => `${blank()}${writeText(key)}${blank()}:${blank()}${write(item)}`,
    );
    if (choose(3) === 1) pairs.reverse();
    if (choose(6) === 1 && pairs.length > 0) pairs.push(pairs[choose(pairs.length)] ?? '');
    return `{${pairs.join(',')}${blank()}${choose(20) === 1 ? ',' : ''}}`;
  };
  return `${blank()}${write(written)}${blank()}`;
}

/** Writes an XML-RPC call in many ways, most of them proper, some that only Python takes. */
export function writeXmlRpc(method: string, args: readonly Value[], choose: Choose): string {
  const blank = (): string => ['', ' ', '\n', '\r\n', '<!-- x -->', '<?pi x?>'][choose(6)] ?? '';
  const tag = (name: string, content: string): string => {
    if (content === '') return [`<${name}></${name}>`, `<${name}/>`, `<${name} />`][choose(3)] ?? '';
    return `<${name}${['', ' ', ' a="b"'][choose(3)]}>${content}</${name}>`;
  };
  const writeText = (plain: string): string => {
    // eslint-disable-next-line no-control-regex -- XML has no such characters
    const allowed = plain.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]/gu, '');
    const escaped = allowed.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    const way = choose(5);
    if (way === 1) return escaped.replaceAll('>', '&gt;');
    if (way === 2) return Array.from(allowed, (one) => `&#${one.codePointAt(0)};`).join('');
    if (way === 3) return Array.from(allowed, (one) => `&#x${one.codePointAt(0)?.toString(16)};`).join('');
    return way === 4 ? `<![CDATA[${allowed.replaceAll(']]>', '')}]]>` : escaped;
  };
  const inner = (part: Value): string => {
    if (typeof part === 'string') return choose(3) === 1 ? writeText(part) : tag('string', writeText(part));
    if (typeof part === 'boolean') return tag('boolean', part ? '1' : '0');
    if (typeof part === 'number')
      return Number.isInteger(part)
        ? tag(['int', 'i4', 'i8', 'double'][choose(4)] ?? 'int', String(part === 0 ? 0 : part))
        : tag('double', String(part));
    if (part === null) return choose(2) === 0 ? '<nil/>' : tag('nil', '');
    if (Array.isArray(part)) return tag('array', tag('data', part.map(write).join('')));
    const members = Object.entries(part).map(([key, item]) =>
      tag('member', `${tag('name', writeText(key))}${blank()}${write(item)}`),
    );
    if (choose(6) === 1 && members.length > 0) members.push(members[0] ?? '');
    return tag('struct', members.join(blank()));
  };
  const write = (part: Value): string => tag('value', inner(part));
  const params = args.map((part) => tag('param', write(part))).join(blank());
  const name = tag('methodName', method);
  const body =
    choose(8) === 1 ? `${tag('params', params)}${name}` : `${name}${blank()}${tag('params', params)}`;
  const declaration =
    [
      '',
      "<?xml version='1.0'?>\n",
      '<?xml version="1.0" encoding="utf-8"?>',
      '<?xml version="1.0" encoding="iso-8859-1"?>',
      `<!DOCTYPE x [<!ENTITY d "globex">]>`,
    ][choose(5)] ?? '';
  return `${declaration}${tag('methodCall', body)}${choose(8) === 1 ? name : ''}${blank()}`;
}

/** Cuts, doubles and changes bytes: what comes out is seldom a call, and must then be read by nobody or by both alike. */
export const damage: fc.Arbitrary<(bytes: Buffer) => Buffer> = fc
  .tuple(fc.constantFrom('none', 'none', 'none', 'set', 'drop', 'insert', 'cut'), fc.nat(), fc.nat(255))
  .map(([kind, place, byte]) => (bytes: Buffer): Buffer => {
    const at = bytes.length === 0 ? 0 : place % bytes.length;
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (kind) {
      case 'set':
        return Buffer.concat([before, Buffer.of(byte), behind.subarray(1)]);
      case 'drop':
        return Buffer.concat([before, behind.subarray(1)]);
      case 'insert':
        return Buffer.concat([before, Buffer.of(byte), behind]);
      case 'cut':
        return Buffer.from(before);
      default:
        return bytes;
    }
  });
