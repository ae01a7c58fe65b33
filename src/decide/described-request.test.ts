import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headOfDescription, parseDescription } from './described-request.ts';

describe('parseDescription', () => {
  it.each([
    ['GET https://acme.example/odoo', ['GET', 'https', 'acme.example', '/odoo']],
    ['GET https://acme.example', ['GET', 'https', 'acme.example', '/']],
    ['GET http://acme.example:8080/a?b=c', ['GET', 'http', 'acme.example:8080', '/a?b=c']],
    ['GET https://acme.example?b=c', ['GET', 'https', 'acme.example', '/?b=c']],
    ['GET https://[::1]:80/', ['GET', 'https', '[::1]:80', '/']],
    // Spellings that one asks about are not repaired.
    ['POST https://ACME.example//a/../b%2Fc', ['POST', 'https', 'ACME.example', '//a/../b%2Fc']],
    ['GET https://user@acme.example/', ['GET', 'https', 'user@acme.example', '/']],
    ['GET https://acme.example/a#b', ['GET', 'https', 'acme.example', '/a#b']],
    ['GET https://acme.example#b', ['GET', 'https', 'acme.example', '/#b']],
    ['GET https://acme.example\\a', ['GET', 'https', 'acme.example\\a', '/']],
    ['BREW https://acme.example/', ['BREW', 'https', 'acme.example', '/']],
  ])('cuts %j', (request, [method, scheme, host, target]) => {
    expect(parseDescription(request)).toEqual({ method, scheme, host, target });
  });

  it.each([
    '',
    'GET',
    'GET /odoo',
    'GET acme.example/odoo',
    'GET ftp://acme.example/',
    'GET https://',
    'GET https:///odoo',
    'GET https://?x',
    'get https://acme.example/',
    'GET  https://acme.example/',
    'GET\thttps://acme.example/',
    ' GET https://acme.example/',
    'GET https://acme.example/ ',
    'GET https://acme.example/a b',
    'GET https://acme.example/\nHost: x',
  ])('takes %j for none', (request) => {
    expect(parseDescription(request)).toBeUndefined();
  });

  it('loses no character of what it cuts', () => {
    const target = fc.stringMatching(/^\/[!-~]{0,30}$/);
    const host = fc.stringMatching(/^[!-~]{1,20}$/).filter((text) => !/[/?#]/.test(text));
    fc.assert(
      fc.property(fc.constantFrom('http', 'https'), host, target, (scheme, authority, rest) => {
        const request = `GET ${scheme}://${authority}${rest}`;
        expect(parseDescription(request)).toEqual({ method: 'GET', scheme, host: authority, target: rest });
      }),
    );
  });
});

describe('headOfDescription', () => {
  const about = { listener: 'proxy', requestId: 'r1' };

  it('is the head of a client that is connected directly', () => {
    const headers = { Accept: ' text/html ', 'X-Two': 'a, b' };
    const request = 'GET https://acme.example/odoo?debug=1';
    expect(headOfDescription({ request, headers, from: '192.0.2.7' }, about)).toMatchObject({
      method: 'GET',
      target: '/odoo?debug=1',
      fields: ['host', 'acme.example', 'accept', 'text/html', 'x-two', 'a, b'],
      peerAddress: '192.0.2.7',
      scheme: 'https',
      listener: 'proxy',
      requestId: 'r1',
      forwardedByPeer: false,
    });
  });

  it.each<[string, unknown, { maxBytes: number; keepBytes: number }, unknown]>([
    ['nothing', undefined, { maxBytes: 1, keepBytes: 1 }, ''],
    ['a text as it stands', '{"a" : 1}', { maxBytes: 99, keepBytes: 99 }, '{"a" : 1}'],
    ['anything else as JSON', { a: [1] }, { maxBytes: 99, keepBytes: 99 }, '{"a":[1]}'],
    ['one that is too large to be read', '12345', { maxBytes: 4, keepBytes: 5 }, 'too_large'],
    ['one that is too large for any pool', '12345', { maxBytes: 3, keepBytes: 4 }, 'body_too_large'],
  ])('has for a body %s', (_title, body, bounds, reading) => {
    const head = headOfDescription(
      { request: 'POST http://a.example/', headers: {}, from: '192.0.2.7', body },
      about,
    );
    const read = head?.body?.read(bounds);
    expect(Buffer.isBuffer(read) ? read.toString() : read).toBe(reading);
  });

  it.each<[string, unknown, Record<string, string>, number]>([
    ['nothing', undefined, {}, 0],
    ['what it is', 'äb', {}, 3],
    ['what it is, whatever is announced', 'ab', { 'Content-Length': '99' }, 2],
    ['what is announced, without a body to see', undefined, { 'Content-Length': ' 99 ' }, 99],
    ['nothing that is no length', undefined, { 'Content-Length': '9x' }, 0],
  ])('has for the length of its body %s', (_title, body, headers, length) => {
    const head = headOfDescription(
      { request: 'POST http://a.example/', headers, from: '192.0.2.7', body },
      about,
    );
    expect(head?.body?.length).toBe(length);
  });

  it('leaves out names that do not get in on the wire', () => {
    const headers = { X_Forwarded_For: '203.0.113.9', 'x-kept': '1' };
    const head = headOfDescription({ request: 'GET http://a.example/', headers, from: '192.0.2.7' }, about);
    expect(head?.fields).toEqual(['host', 'a.example', 'x-kept', '1']);
  });

  it('keeps a second Host, which is refused as it would be on the wire', () => {
    const headers = { Host: 'b.example' };
    const head = headOfDescription({ request: 'GET http://a.example/', headers, from: '192.0.2.7' }, about);
    expect(head?.fields).toEqual(['host', 'a.example', 'host', 'b.example']);
  });

  it('is undefined for what is no METHOD URL', () => {
    expect(headOfDescription({ request: 'GET /', headers: {}, from: '192.0.2.7' }, about)).toBeUndefined();
  });
});
