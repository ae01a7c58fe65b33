/** The beginning of an XML-RPC call: what is called, and its first parameters as far as they are plain. */
export interface XmlRpcCall {
  method: string;
  /** At most three; undefined stands for one that is neither a text nor a whole number. */
  params: (string | number | undefined)[];
}

const wantedParams = 3;
const blanks = '[ \\t\\r\\n]*';
const start = new RegExp(
  `${blanks}(?:<\\?xml [^<>]*\\?>)?${blanks}<methodCall>${blanks}<methodName>${blanks}([A-Za-z0-9_.:/]+)${blanks}</methodName>${blanks}`,
  'y',
);
const paramsStart = new RegExp(`<params>${blanks}`, 'y');
const plainParam = new RegExp(
  `<param>${blanks}<value>(?:${blanks}<(string|int|i4)>([^<]*)</\\1>${blanks}|${blanks}<string/>${blanks}|([^<]*))</value>${blanks}</param>${blanks}`,
  'y',
);

/**
 * Reads the first parameters of a call in the form that XML-RPC libraries write, and no other: no DOCTYPE, comments, CDATA or
 * second method name, because another parser could read another call out of those. Undefined for what is not in that form.
 */
export function readXmlRpcCall(text: string): XmlRpcCall | undefined {
  const begin = matchAt(start, text, 0);
  if (begin === undefined) return undefined;
  // Python's reader takes the last one (xmlrpc.client); `<` in a text is always escaped.
  if (text.includes('<methodName', begin.end) || text.includes('<!')) return undefined;
  const method = begin.groups[1] ?? '';
  const opened = matchAt(paramsStart, text, begin.end);
  if (opened === undefined) return { method, params: [] };
  const params: XmlRpcCall['params'] = [];
  let at = opened.end;
  while (params.length < wantedParams) {
    const param = matchAt(plainParam, text, at);
    if (param === undefined) break;
    params.push(valueOf(param.groups));
    at = param.end;
  }
  return { method, params };
}

function matchAt(pattern: RegExp, text: string, at: number) {
  pattern.lastIndex = at;
  const groups = pattern.exec(text);
  return groups === null ? undefined : { groups, end: pattern.lastIndex };
}

function valueOf([, type, typed, bare]: RegExpExecArray): string | number | undefined {
  const text = decode(typed ?? bare ?? '');
  if (text === undefined || type === undefined || type === 'string') return text;
  return /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : undefined;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** Undefined when an entity is not one of XML's own. */
function decode(text: string): string | undefined {
  if (!text.includes('&')) return text;
  let known = true;
  const decoded = text.replace(
    /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|([a-z]+));|&/g,
    (_, decimal, hex, name) => {
      const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
      if (code <= 0x10_ff_ff) return String.fromCodePoint(code);
      const character = entities[String(name)];
      if (character === undefined) known = false;
      return character ?? '';
    },
  );
  return known ? decoded : undefined;
}
