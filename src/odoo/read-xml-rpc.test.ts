import { describe, expect, it } from 'vitest';
import { readXmlRpcCall, type XmlRpcCall } from './read-xml-rpc.ts';

const call = (params: string, method = 'authenticate'): string =>
  `<?xml version='1.0'?>\n<methodCall>\n<methodName>${method}</methodName>\n<params>\n${params}</params>\n</methodCall>\n`;
const param = (value: string): string => `<param>\n<value>${value}</value>\n</param>\n`;
const text = (value: string): string => param(`<string>${value}</string>`);

describe('the beginning of an XML-RPC call', () => {
  it.each<[string, string, XmlRpcCall]>([
    [
      "as Python's xmlrpc.client writes it",
      call(text('acme') + text('alice') + text('secret') + param('<struct>\n</struct>')),
      { method: 'authenticate', params: ['acme', 'alice', 'secret'] },
    ],
    [
      'in one line, without a declaration',
      '<methodCall><methodName>execute_kw</methodName><params><param><value>acme</value></param><param><value><i4>7</i4></value></param><param><value><string>k</string></value></param><param><value><array><data></data></array></value></param></params></methodCall>',
      { method: 'execute_kw', params: ['acme', 7, 'k'] },
    ],
    [
      'with numbers, blanks and empty texts',
      call(param('<int> -7 </int>') + param('<string/>') + param('')),
      { method: 'authenticate', params: [-7, '', ''] },
    ],
    [
      'with escaped characters',
      call(text('&lt;a&gt; &amp; &quot;b&apos;') + text('&#65;&#x42;') + text('&amp;lt;')),
      { method: 'authenticate', params: [`<a> & "b'`, 'AB', '&lt;'] },
    ],
    [
      'with a number that is none',
      call(param('<int>seven</int>') + text('x')),
      { method: 'authenticate', params: [undefined, 'x'] },
    ],
    [
      'up to the first parameter that is neither text nor number',
      call(text('acme') + param('<array><data></data></array>') + text('secret')),
      { method: 'authenticate', params: ['acme'] },
    ],
    [
      'without parameters',
      '<methodCall><methodName>version</methodName></methodCall>',
      { method: 'version', params: [] },
    ],
  ])('is read %s', (_title, body, expected) => {
    expect(readXmlRpcCall(body)).toEqual(expected);
  });

  it.each([
    ['an entity of its own', `<!DOCTYPE x [<!ENTITY d "globex">]>${call(text('&d;'))}`],
    ['a comment', call(text('acme') + '<!-- -->')],
    ['a CDATA section', call(param('<string><![CDATA[acme]]></string>'))],
    [
      'a second method name, which Python would take',
      call(text('acme')).replace('</params>', '</params><methodName>execute</methodName>'),
    ],
    [
      'parameters before the name',
      '<methodCall><params></params><methodName>authenticate</methodName></methodCall>',
    ],
    ['no XML at all', '{"params":{}}'],
    ['nothing', ''],
    ['UTF-16', Buffer.from(call(text('acme')), 'utf16le').toString()],
  ])('is not read from a body with %s', (_title, body) => {
    expect(readXmlRpcCall(body)).toBeUndefined();
  });

  it('does not make up what an unknown entity stands for', () => {
    expect(readXmlRpcCall(call(text('&d;') + text('alice') + text('a & b')))).toEqual({
      method: 'authenticate',
      params: [undefined, 'alice', undefined],
    });
  });

  it('is read in time that grows with its length alone', () => {
    const started = performance.now();
    for (const piece of [' ', '<', '<param>', '<value>', '&', '&#', '<?xml ', '<string>'])
      readXmlRpcCall(call(piece.repeat(60_000 / piece.length)));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
