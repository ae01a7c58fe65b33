import { get, host, hostField, post, reaching, refusing, type WireCase } from '../wire-case.ts';

// RFC 9112 §2.2: a line ends in CRLF. A recipient MAY take a bare LF; we do not, because the next one may not, and a bare CR
// is invalid anyway (CVE-2023-30589 of Node). The reason tells the line: `framing_invalid` for the request line, of which
// then nothing is known, `header_invalid` for a field. It is the same however the bytes arrive.

const line = 'GET /odoo HTTP/1.1';

export const lineEndCases: WireCase[] = [
  ...refusing('400 framing_invalid', [
    ['a request with LF alone', `${line}\nHost: ${host}\n\n`],
    ['a request with CR alone', `${line}\rHost: ${host}\r\r`],
    ['a request with LFCR', `${line}\n\rHost: ${host}\n\r\n\r`],
    ['a request line that ends with a bare LF', `${line}\n${hostField}\r\n`],
    ['a request line that ends with a bare CR', `${line}\r${hostField}\r\n`],
    ['a request line that ends with two CR', `${line}\r\r\n${hostField}\r\n`],
    ['a request line that ends with a NUL', `${line}\0\r\n${hostField}\r\n`],
    ['a request line that ends with the next line of Unicode', `${line}\x85${hostField}\r\n`],
    ['a bare LF before the request line', `\n${get('')}`],
    ['a bare CR before the request line', `\r${get('')}`],
    ['a bare LF behind an empty line', `\r\n\n${get('')}`],
    ['three empty lines before a request', `\r\n\r\n\r\n${get('')}`],
    ['a line with a blank before a request', ` \r\n${get('')}`],
    ['a bare LF within the target', `GET /od\noo HTTP/1.1\r\n${hostField}\r\n`],
    ['a bare CR within the target', `GET /od\roo HTTP/1.1\r\n${hostField}\r\n`],
    ['a line end within the target', `GET /od\r\noo HTTP/1.1\r\n${hostField}\r\n`],
    ['a bare LF within the method', `GE\nT /odoo HTTP/1.1\r\n${hostField}\r\n`],
    ['a bare CR within the version', `GET /odoo HTTP/1\r.1\r\n${hostField}\r\n`],
  ]),
  ...refusing('400 header_invalid', [
    ['a bare LF between fields', get('Accept: a\nPragma: c\r\n')],
    ['a bare CR between fields', get('Accept: a\rPragma: c\r\n')],
    ['LFCR between fields', get('Accept: a\n\rPragma: c\r\n')],
    ['two CR behind a field', get('Accept: a\r\r\n')],
    ['a bare LF within a value', get('Accept: a\nb\r\n')],
    ['a bare CR within a value', get('Accept: a\rb\r\n')],
    ['a bare LF at the start of a value', get('Accept:\na\r\n')],
    ['a bare CR at the start of a value', get('Accept:\ra\r\n')],
    ['a bare CR at the end of a value', get('Accept: a\r \r\n')],
    ['a bare LF within a name', get('Acc\nept: a\r\n')],
    ['a bare CR within a name', get('Acc\rept: a\r\n')],
    ['a bare CR before the colon', get('Accept\r: a\r\n')],
    ['a bare LF before the colon', get('Accept\n: a\r\n')],
    ['a bare LF before the first field', `${line}\r\n\n${hostField}\r\n`],
    ['a bare CR before the first field', `${line}\r\n\r${hostField}\r\n`],
    ['a bare LF behind the Host', `${line}\r\nHost: ${host}\nAccept: a\r\n\r\n`],
    ['a bare CR within the Host', `${line}\r\nHost: ${host}\revil.example\r\n\r\n`],
    ['a head that ends with a bare LF', `${line}\r\n${hostField}\n`],
    ['a head that ends with a bare CR', `${line}\r\n${hostField}\rx`],
    ['a head that ends with two bare LF', `${line}\r\nHost: ${host}\n\n`],
    [
      'a head that ends with LF behind CRLF in front of a request',
      `${line}\r\n${hostField}Accept: a\r\n\n${get('')}`,
    ],
    ['a vertical tab for a line end', get('Accept: a\x0bPragma: c\r\n')],
    ['a form feed for a line end', get('Accept: a\x0cPragma: c\r\n')],
    // RFC 9112 §5.2.
    ['a line folded with a blank', get('Accept: a\r\n b\r\n')],
    ['a line folded with a tab', get('Accept: a\r\n\tb\r\n')],
    ['a folded line of blanks', get('Accept: a\r\n \r\n')],
    ['a folded line that looks like a field', get('Accept: a\r\n Pragma: b\r\n')],
    ['a folded Host', `${line}\r\nHost: ${host}\r\n .evil.example\r\n\r\n`],
    // RFC 9112 §2.2: a line of blanks, or a first field behind one, may be skipped or refused.
    ['a blank before the first field', `${line}\r\n X-A: 1\r\n${hostField}\r\n`],
    ['a tab before the first field', `${line}\r\n\tX-A: 1\r\n${hostField}\r\n`],
    ['a Host behind a blank', `${line}\r\n Host: ${host}\r\n\r\n`],
    ['a line of blanks in place of the first field', `${line}\r\n  \r\n${hostField}\r\n`],
  ]),
  // Not a line end for anybody who reads bytes: it is obs-text within a value.
  ...reaching([
    [
      'the next line of Unicode within a value',
      get('Accept: a\x85Pragma: c\r\n'),
      { passed: ['accept: a\x85Pragma: c'] },
    ],
    [
      'the line separator of Unicode within a value',
      get('Accept: a\xe2\x80\xa8Pragma: c\r\n'),
      { passed: ['accept: a\xe2\x80\xa8Pragma: c'] },
    ],
    [
      'a letter whose lower byte in UTF-16 is CR and LF, within a value,',
      get('Accept: \xc4\x8d\xc4\x8a\r\n'),
      { passed: ['accept: \xc4\x8d\xc4\x8a'] },
    ],
    // RFC 9112 §2.2: for the sake of old clients that send a line end behind a body.
    ['a request behind an empty line', `\r\n${get('')}`, {}],
    ['a request behind two empty lines', `\r\n\r\n${get('')}`, {}],
  ]),
  {
    name: 'a request behind an empty line behind a body',
    bytes: `${post('Content-Length: 5\r\n', 'hello')}\r\n${get('', '/web')}`,
    reaches: [{ line: 'POST /odoo', body: 'hello' }, { line: 'GET /web' }],
  },
  {
    name: 'a request behind a bare LF behind a body',
    bytes: `${post('Content-Length: 5\r\n', 'hello')}\n${get('', '/web')}`,
    reaches: [{ line: 'POST /odoo', body: 'hello' }],
    refused: '400 framing_invalid',
  },
];
