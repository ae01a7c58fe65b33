import { describe, expect, test } from 'vitest';
import type { Exchange } from '../http1/exchange.ts';
import { readForwardedHead } from './forwarded-head.ts';

const question = {
  'x-forwarded-method': 'POST',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'acme.erp.example',
  'x-forwarded-uri': '/odoo?x=1',
  'x-forwarded-for': '203.0.113.9',
};

function read(fields: string[]) {
  const exchange = {
    fields: ['host', 'bulkhead:8081', ...fields],
    peerAddress: '127.0.0.1',
  } as unknown as Exchange;
  return readForwardedHead(exchange, { listener: 'forwardAuth', requestId: 'r1' });
}

describe('readForwardedHead', () => {
  test('reads the request that Traefik asks about, with its Host in place of the gateway’s', () => {
    const fields = [
      ...Object.entries(question).flat(),
      'cookie',
      'a=1',
      'connection',
      'close',
      'cookie',
      'b=2',
    ];
    expect(read(fields)).toStrictEqual({
      method: 'POST',
      target: '/odoo?x=1',
      fields: [
        'host',
        'acme.erp.example',
        ...Object.entries(question).flat(),
        'cookie',
        'a=1',
        'cookie',
        'b=2',
      ],
      peerAddress: '127.0.0.1',
      scheme: 'https',
      listener: 'forwardAuth',
      requestId: 'r1',
      forwardedByPeer: true,
      body: undefined,
    });
  });

  test.each(Object.keys(question))('does not know what is asked without %s', (name) => {
    expect(
      read(
        Object.entries(question)
          .filter(([key]) => key !== name)
          .flat(),
      ),
    ).toBeUndefined();
  });

  test.each(['x-forwarded-method', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-uri'])(
    'does not know what is asked with two of %s',
    (name) => {
      expect(read([...Object.entries(question).flat(), name, 'x'])).toBeUndefined();
    },
  );

  test('takes a chain of addresses on several lines', () => {
    expect(read([...Object.entries(question).flat(), 'x-forwarded-for', '10.0.0.1'])).toBeDefined();
  });

  test.each([
    ['https', 'https'],
    ['wss', 'https'],
    ['http', 'http'],
    ['ws', 'http'],
    ['ftp', 'http'],
  ])('reads a scheme of %s as %s', (proto, scheme) => {
    expect(read(Object.entries({ ...question, 'x-forwarded-proto': proto }).flat())?.scheme).toBe(scheme);
  });
});
