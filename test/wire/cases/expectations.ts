import { get, hostField, post, refusing, type WireCase } from '../wire-case.ts';

// RFC 9110 §10.1.1. A proxy that passes an expectation on, or finds its word in the middle of another, waits for a body that
// does not come, or takes it for a request ("0.CL" by an obfuscated Expect). The gateway answers it, and passes none on.

const expecting = (value: string): string => post(`Content-Length: 5\r\nExpect: ${value}\r\n`, 'hello');
const posted = { line: 'POST /odoo', body: 'hello' };
const chunkedExpecting = post(
  'Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
);

export const expectationCases: WireCase[] = [
  ...['100-continue', '100-Continue', '100-CONTINUE', '  100-continue\t'].map((value) => ({
    name: `an Expect of ${JSON.stringify(value)} gets its 100 and`,
    bytes: expecting(value),
    interim: [100],
    reaches: [posted],
  })),
  {
    name: 'a chunked body that waits for 100 Continue',
    bytes: chunkedExpecting,
    interim: [100],
    reaches: [posted],
  },
  {
    name: 'an expectation without a body gets no 100 and',
    bytes: get('Expect: 100-continue\r\n'),
    reaches: [{}],
  },
  {
    name: 'an expectation of an empty body gets no 100 and',
    bytes: post('Content-Length: 0\r\nExpect: 100-continue\r\n'),
    reaches: [{ line: 'POST /odoo' }],
  },
  ...refusing(
    '417 expectation_failed',
    [
      '',
      '100',
      '100-continued',
      '100-continue, x',
      'y 100-continue',
      'x, 100-continue',
      '100-continue=1',
      '100-continue;q=1',
      '"100-continue"',
      '100 continue',
      '200-ok',
      '100-continue\xa0',
    ].map((value) => [`an Expect of ${JSON.stringify(value)}`, expecting(value)] as const),
  ),
  ...refusing('417 expectation_failed', [
    ['a repeated Expect', expecting('100-continue\r\nExpect: 100-continue')],
    ['an unknown expectation of GET', get('Expect: cow\r\n')],
  ]),
  ...refusing('400 header_invalid', [
    [
      'an Expect with a blank before its colon',
      post('Content-Length: 5\r\nExpect : 100-continue\r\n', 'hello'),
    ],
    ['an Expect with a control character', expecting('100-continue\x0b')],
  ]),
  ...refusing('400 framing_invalid', [
    [
      'an Expect with two lengths',
      post('Content-Length: 5\r\nContent-Length: 5\r\nExpect: 100-continue\r\n', 'hello'),
    ],
    [
      'an Expect with a length and a coding',
      post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n', '0\r\n\r\n'),
    ],
  ]),
  // Answered at once, and not asked for: the client may not send the body then, so the connection cannot go on.
  ...refusing(
    '404 no_zone',
    [
      [
        'a body that waits for 100 Continue in front of no zone',
        'POST /odoo HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
      ],
    ],
    'closed',
  ),
  ...refusing('413 body_too_large', [
    ['a large body that waits for 100 Continue', post('Content-Length: 100000\r\nExpect: 100-continue\r\n')],
  ]),
  {
    name: 'an expectation of HTTP/1.0 is ignored: such a request',
    bytes: `POST /odoo HTTP/1.0\r\n${hostField}Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello`,
    reaches: [posted],
    end: 'closed',
  },
  {
    name: 'an unknown expectation of HTTP/1.0 is ignored: such a request',
    bytes: `GET /odoo HTTP/1.0\r\n${hostField}Expect: cow\r\n\r\n`,
    reaches: [{}],
    end: 'closed',
  },
  {
    name: 'an Expect with an underscore is dropped: such a request',
    bytes: get('Expect_: 100-continue\r\n'),
    reaches: [{}],
  },
];
