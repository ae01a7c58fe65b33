import { describe, expect, it } from 'vitest';
import { type PythonBody, readPythonBody, readPythonHead } from './python-http.ts';
import type { SocketReader } from './socket-reader.ts';

/** A reader over bytes that are all there, then the end. */
function reader(text: string): SocketReader {
  let rest = Buffer.from(text, 'latin1');
  const take = (count: number): Buffer => {
    const taken = rest.subarray(0, count);
    rest = rest.subarray(count);
    return taken;
  };
  return {
    line: (maxBytes: number) => {
      const at = rest.indexOf(0x0a);
      return Promise.resolve(take(Math.min(at === -1 ? rest.length : at + 1, maxBytes)));
    },
    bytes: (count: number) => Promise.resolve(take(count)),
  } as SocketReader;
}

async function fieldsOf(section: string): Promise<string[][]> {
  const head = await readPythonHead(reader(`GET / HTTP/1.1\r\n${section}\r\n`));
  if ('status' in head) throw new Error(`status ${head.status}`);
  return head.fields;
}

async function read(text: string, ...fields: [string, string][]): Promise<PythonBody | string> {
  const result = await readPythonBody(reader(text), { fields, maxBytes: 8 });
  return 'body' in result ? result.body.toString() : result;
}

describe('readPythonHead', () => {
  // Each line was compared with Python 3.11's http.server under werkzeug 3.1.
  it.each([
    ['GET /x HTTP/1.1', { method: 'GET', target: '/x', version: 'HTTP/1.x' }],
    ['GET  /x \t HTTP/1.0', { method: 'GET', target: '/x', version: 'HTTP/1.x' }],
    ['GET /x\x1fHTTP/1.1', { method: 'GET', target: '/x', version: 'HTTP/1.x' }],
    ['GET /x', { method: 'GET', target: '/x', version: 'HTTP/0.9' }],
    ['POST /x', { status: 400 }],
    ['GET', { status: 400 }],
    ['GET /x y HTTP/1.1', { status: 400 }],
    ['GET /x http/1.1', { status: 400 }],
    ['GET /x HTTP/1.1.1', { status: 400 }],
    ['GET /x HTTP/2.0', { status: 505 }],
    ['', { status: undefined }],
    [`GET /${'x'.repeat(65_600)} HTTP/1.1`, { status: 414 }],
  ])('reads the request line %j', async (line, expected) => {
    const head = await readPythonHead(reader(`${line}\r\nHost: x\r\n\r\n`));
    expect(head).toMatchObject(expected);
  });

  it.each([
    [
      'a bare line feed',
      'A: 1\nB: 2\n',
      [
        ['A', '1'],
        ['B', '2'],
      ],
    ],
    ['a folded value', 'A: 1\r\n 2\r\n', [['A', '1 2']]],
    ['a value folded with a bare line feed, which stays in it', 'A: 1\n 2\n', [['A', '1\n 2']]],
    ['a line without a colon, behind which all is lost', 'A: 1\r\nnonsense\r\nB: 2\r\n', [['A', '1']]],
    ['a blank before the colon, behind which all is lost', 'A : 1\r\nB: 2\r\n', []],
    ['a line without a name, which is skipped', ': 1\r\nB: 2\r\n', [['B', '2']]],
    ['blanks behind a value, which stay', 'A: 1 \r\n', [['A', '1 ']]],
  ])('reads %s', async (_title, section, fields) => {
    expect(await fieldsOf(section)).toEqual(fields);
  });

  it('refuses more than 100 fields and lines over 64 KiB', async () => {
    expect(await readPythonHead(reader(`GET / HTTP/1.1\r\n${'A: 1\r\n'.repeat(101)}\r\n`))).toEqual({
      status: 431,
    });
    expect(await readPythonHead(reader(`GET / HTTP/1.1\r\nA: ${'x'.repeat(65_600)}\r\n\r\n`))).toEqual({
      status: 431,
    });
    expect(await fieldsOf('A: 1\r\n'.repeat(100))).toHaveLength(100);
  });

  it('keeps the head as it came', async () => {
    const raw = 'GET  / HTTP/1.1\r\nhOST:x\nA: 1\r\n 2\r\n\r\n';
    expect(await readPythonHead(reader(`${raw}rest`))).toMatchObject({ raw });
  });
});

describe('readPythonBody', () => {
  it.each<[string, [string, string][], string, string | { status: number }]>([
    ['by its length', [['Content-Length', '3']], 'abcdef', 'abc'],
    [
      'by the last of two lengths',
      [
        ['Content-Length', '3'],
        ['content-length', '2'],
      ],
      'abcdef',
      'ab',
    ],
    ['as empty when the length is no number', [['Content-Length', '3,3']], 'abc', ''],
    ['as empty when nothing announces one', [], 'abc', ''],
    ['as broken when it ends early', [['Content-Length', '5']], 'abc', { status: 400 }],
    ['as too large by its length', [['Content-Length', '9']], 'abcdefghi', { status: 413 }],
    ['in chunks', [['Transfer-Encoding', 'chunked']], '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n', 'abc'],
    [
      'in chunks although there is a length',
      [
        ['Content-Length', '1'],
        ['Transfer-Encoding', 'Chunked'],
      ],
      '2\r\nab\r\n0\r\n\r\n',
      'ab',
    ],
    [
      'in chunks when another coding is named too',
      [['Transfer-Encoding', 'identity, chunked']],
      '1\r\na\r\n0\r\n\r\n',
      'a',
    ],
    [
      'with a chunk size that Python takes',
      [['Transfer-Encoding', 'chunked']],
      '+0x2\r\nab\r\n0\r\n\r\n',
      'ab',
    ],
    [
      'as broken with a chunk extension',
      [['Transfer-Encoding', 'chunked']],
      '2;x\r\nab\r\n0\r\n\r\n',
      { status: 400 },
    ],
    [
      'as broken when a chunk is longer than it says',
      [['Transfer-Encoding', 'chunked']],
      '1\r\nab\r\n0\r\n\r\n',
      { status: 400 },
    ],
    [
      'as too large in chunks',
      [['Transfer-Encoding', 'chunked']],
      '9\r\nabcdefghi\r\n0\r\n\r\n',
      { status: 413 },
    ],
  ])('reads a body %s', async (_title, fields, text, expected) => {
    expect(await read(text, ...fields)).toEqual(expected);
  });
});
