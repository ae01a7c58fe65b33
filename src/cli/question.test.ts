import { describe, expect, it } from 'vitest';
import { readQuestion } from './question.ts';

const request = 'GET https://acme.example/odoo';
const notARequest =
  '"request" must be METHOD URL with an absolute URL, such as GET https://acme.erp.example/odoo.';

const notAnInstant =
  '"at" must be a date and time with its distance from UTC, such as 2026-12-24T17:00+01:00.';

describe('readQuestion', () => {
  it('fills in what is not written', () => {
    expect(readQuestion({ request })).toEqual({ request, headers: {}, from: '192.0.2.1' });
  });

  it('keeps what is written', () => {
    const question = {
      request,
      headers: { 'X-Workload': 'batch', Cookie: '' },
      from: '2001:db8::1',
      as: { jwt: { sub: 'edi', scope: 'a b', tenant: 'acme' } },
    };
    expect(readQuestion(question)).toEqual(question);
  });

  it.each([
    ['2026-12-24T17:00+01:00', '2026-12-24T16:00:00.000Z'],
    ['2026-12-24T16:00:30Z', '2026-12-24T16:00:30.000Z'],
  ])('reads the instant %s', (at, instant) => {
    expect(readQuestion({ request, at })).toMatchObject({ at: Date.parse(instant) });
  });

  it('takes undefined for not written, as a command line gives it', () => {
    expect(readQuestion({ request, headers: {}, from: undefined, as: undefined })).toEqual({
      request,
      headers: {},
      from: '192.0.2.1',
    });
  });

  it.each<[unknown, string]>([
    ['GET /', 'A question must be a JSON object with "request".'],
    [7, 'A question must be a JSON object with "request".'],
    [null, 'A question must be a JSON object with "request".'],
    [undefined, 'A question must be a JSON object with "request".'],
    [[], 'A question must be a JSON object with "request".'],
    [{}, '"request" must be METHOD URL.'],
    [{ request: 7 }, '"request" must be METHOD URL.'],
    [{ request: '' }, notARequest],
    [{ request: 'GET /odoo' }, notARequest],
    [{ request: 'get https://acme.example/' }, notARequest],
    [{ request: 'https://acme.example/' }, notARequest],
    [{ request, from: 'localhost' }, '"from" must be an IP address.'],
    [{ request, from: '192.0.2.1/24' }, '"from" must be an IP address.'],
    [{ request, from: 7 }, '"from" must be an IP address.'],
    ...['2026-12-24T17:00', '2026-12-24', '2026-02-30T17:00Z', '2026-12-24 17:00+01:00', 7, 'now'].map(
      (at): [unknown, string] => [{ request, at }, notAnInstant],
    ),
    [{ request, headers: { 'a b': 'c' } }, 'headers.a b: A header must be Name: value.'],
    [{ request, headers: { '': 'c' } }, 'headers: A header must be Name: value.'],
    [{ request, headers: { a: 7 } }, 'headers.a: The value of a header must be a text.'],
    [{ request, haeders: {} }, 'Unrecognized key: "haeders"'],
    [{ request: 'x', from: 'y' }, `${notARequest} "from" must be an IP address.`],
    [
      { request, as: 'edi' },
      'as: "edi" is not a credential. The test would not say who calls. Write for example { jwt: { sub: edi-acme } }.',
    ],
    [
      { request, as: { jwt: {} } },
      'as.jwt.sub: Nothing is not a subject. The gateway would not know what to apply. Write a subject such as edi-acme.',
    ],
  ])('of %j says what is wrong', (input, complaint) => {
    expect(readQuestion(input)).toEqual({ complaint });
  });
});
