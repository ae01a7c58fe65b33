import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XmlRpcReader } from './xml-rpc-reader.ts';

const call = (params: string, method = 'execute_kw'): string =>
  `<?xml version='1.0'?>\n<methodCall>\n<methodName>${method}</methodName>\n<params>\n${params}</params>\n</methodCall>\n`;
const param = (value: string): string => `<param>\n<value>${value}</value>\n</param>\n`;
const text = (value: string): string => param(`<string>${value}</string>`);

/** Builds a value with the walk of the reader; undefined for what it does not give. */
function rebuild(reader: XmlRpcReader): unknown {
  switch (reader.kind()) {
    case 'mapping': {
      const mapping: [string, unknown][] = [];
      reader.openMapping();
      for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey())
        mapping.push([key, rebuild(reader)]);
      return Object.fromEntries(mapping);
    }
    case 'list': {
      const list: unknown[] = [];
      reader.openList();
      while (reader.nextItem()) list.push(rebuild(reader));
      return list;
    }
    default:
      return reader.scalar();
  }
}

interface Read {
  method: string;
  params: unknown[];
}

function read(body: string | Buffer): Read | undefined {
  const reader = new XmlRpcReader(Buffer.from(body));
  const { method } = reader;
  const params: unknown[] = [];
  if (method !== undefined && reader.openList()) while (reader.nextItem()) params.push(rebuild(reader));
  return reader.end() && method !== undefined ? { method, params } : undefined;
}

describe('an XML-RPC call', () => {
  it.each<[string, string, Read]>([
    [
      "as Python's xmlrpc.client writes it",
      call(text('acme') + param('<int>7</int>') + text('secret') + param('<struct>\n</struct>')),
      { method: 'execute_kw', params: ['acme', 7, 'secret', {}] },
    ],
    [
      'in one line, without a declaration',
      '<methodCall><methodName>x.y_1</methodName><params><param><value>acme</value></param></params></methodCall>',
      { method: 'x.y_1', params: ['acme'] },
    ],
    [
      'with numbers, truth values, nothing and empty texts',
      call(
        [
          '<int> -7 </int>',
          '<i4>1</i4>',
          '<i8>99</i8>',
          '<double>1.5</double>',
          '<boolean>1</boolean>',
          '<boolean>0</boolean>',
          '<nil/>',
          '<nil></nil>',
          '<string/>',
          '<string />',
          '<string></string>',
          '',
          '<base64>AA==</base64>',
          '<dateTime.iso8601>20261122T07:00:00</dateTime.iso8601>',
        ]
          .map(param)
          .join(''),
      ),
      {
        method: 'execute_kw',
        params: [-7, 1, 99, 1.5, true, false, undefined, undefined, '', '', '', '', undefined, undefined],
      },
    ],
    [
      'with escaped characters and line ends',
      call(
        text('&lt;a&gt; &amp; &quot;b&apos;') +
          text('&#65;&#x42;') +
          text('&amp;lt;') +
          text('a\r\nb\rc&#13;'),
      ),
      { method: 'execute_kw', params: [`<a> & "b'`, 'AB', '&lt;', 'a\nb\nc\r'] },
    ],
    [
      'with lists and mappings in each other',
      call(
        param(
          '<array><data><value><struct><member><name>a</name><value><array><data/></array></value></member><member><name>b</name><value><int>1</int></value></member></struct></value><value/></data></array>',
        ) +
          param('<array />') +
          param('<struct/>'),
      ),
      { method: 'execute_kw', params: [[{ a: [], b: 1 }, ''], [], {}] },
    ],
    [
      'with blanks between its elements, and in a text of its own',
      call('<param> <value> <int>1</int> </value> </param> <param><value>  </value></param>'),
      { method: 'execute_kw', params: [1, '  '] },
    ],
    [
      'without parameters',
      '<methodCall><methodName>version</methodName></methodCall>',
      { method: 'version', params: [] },
    ],
    [
      'with an empty list of parameters',
      '<methodCall><methodName>version</methodName><params/></methodCall>',
      { method: 'version', params: [] },
    ],
    [
      'with an encoding that is UTF-8',
      `<?xml version="1.0" encoding="UTF-8"?>${call(text('zürich 日本')).slice(21)}`,
      { method: 'execute_kw', params: ['zürich 日本'] },
    ],
  ])('is read %s', (_title, body, expected) => {
    expect(read(body)).toEqual(expected);
  });

  it.each<[string, string | Buffer]>([
    ['an entity of its own', `<!DOCTYPE x [<!ENTITY d "globex">]>${call(text('&d;')).slice(21)}`],
    ['an entity that nobody knows', call(text('&d;'))],
    ['a bare &', call(text('a & b'))],
    ['a comment', call(text('acme') + '<!-- -->')],
    ['a CDATA section', call(param('<string><![CDATA[acme]]></string>'))],
    ['a CDATA section around a name', call(text('a'), '<![CDATA[execute]]>')],
    ['the end of a CDATA section', call(text(']]>'))],
    ['a processing instruction', call(`<?php x?>${text('acme')}`)],
    [
      'a second method name',
      call(text('a')).replace('</params>', '</params><methodName>execute</methodName>'),
    ],
    ['parameters before the name', '<methodCall><params></params><methodName>x</methodName></methodCall>'],
    ['two lists of parameters', call(text('a')).replace('</params>', '</params><params></params>')],
    ['two calls', call(text('a')) + call(text('b')).slice(21)],
    ['blanks around the name', call(text('a'), ' execute')],
    ['an attribute', call('<param a="1"><value>x</value></param>')],
    ['a namespace', call('<param><value><ex:nil/></value></param>')],
    ['text and an element in one value', call(param('a<int>1</int>'))],
    ['two elements in one value', call(param('<int>1</int><int>2</int>'))],
    ['an element that is not closed', call('<param><value><int>1</value></param>')],
    ['elements that are closed in another order', call('<param><value></param></value>')],
    ['a truth value that is none', call(param('<boolean>true</boolean>'))],
    [
      'a key that stands twice',
      call(
        param(
          '<struct><member><name>a</name><value>1</value></member><member><name>&#97;</name><value>2</value></member></struct>',
        ),
      ),
    ],
    ['another encoding', call(text('a')).replace("'1.0'", "'1.0' encoding='iso-8859-1'")],
    ['another encoding that looks alike', call(text('a')).replace("'1.0'", "'1.0' encoding='utf-7'")],
    ['UTF-16', Buffer.from(`\ufeff${call(text('acme'))}`, 'utf16le')],
    ['a byte order mark', `\ufeff${call(text('acme'))}`],
    ['bytes that are no UTF-8', Buffer.from(call(text('\xff')), 'latin1')],
    ['a control character', call(text('\u0001'))],
    ['a control character in disguise', call(text('&#1;'))],
    ['half a character in disguise', call(text('&#xd800;'))],
    ['no XML at all', '{"params":{}}'],
    ['nothing', ''],
    ['an answer', '<methodResponse><params></params></methodResponse>'],
    ['something behind it', `${call(text('a'))}x`],
    ['too deep a nesting', call(param(`${'<array><data><value>'.repeat(101)}x`))],
    [
      'very deep nesting, properly closed',
      call(param(`${'<array><data><value>'.repeat(101)}${'</value></data></array>'.repeat(101)}`)),
    ],
  ])('is not read from a body with %s', (_title, body) => {
    expect(read(body)).toBeUndefined();
  });

  it('never throws and always ends, whatever its pieces are', () => {
    const piece = fc.constantFrom(
      '<methodCall>',
      '<methodName>x</methodName>',
      '<params>',
      '<param>',
      '<value>',
      '<struct>',
      '<member>',
      '<name>a</name>',
      '<array>',
      '<data>',
      '<int>1</int>',
      '</value>',
      '</param>',
      '</params>',
      '</methodCall>',
      '</struct>',
      '</data></array>',
      'x',
      ' ',
      '&amp;',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        read(pieces.join(''));
        read(`<methodCall><methodName>x</methodName><params>${pieces.join('')}</params></methodCall>`);
      }),
      { numRuns: 3000 },
    );
  });

  it('is read in time that grows with its length alone', () => {
    const started = performance.now();
    for (const piece of [' ', '<', '<param>', '<value>', '&', '&#', '<?xml ', '<string>', '&amp;', '\r'])
      read(call(piece.repeat(200_000 / piece.length)));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
