import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Reason } from '../../src/core/reason.ts';
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts';
import { type Arrival, watchArrivals } from './arrivals.ts';
import { askOnce, reasonOf, WireConnection } from './wire-connection.ts';

/** The host of the employee zone in the example configuration, where everybody on this machine may enter. */
export const host = 'acme.erp.example';
export const hostField = `Host: ${host}\r\n`;

/** Bytes on a new connection and what must become of them. */
export interface WireCase {
  /** Subject of the test's title: "a Content-Length of +5". */
  name: string;
  bytes: string;
  /** Nothing reaches Odoo, and this is the answer. */
  refused?: { status: number; reason: Reason };
  /** Whether the connection must end with the refusal; it must after everything that concerns framing. */
  closes?: boolean;
  /** What reaches Odoo, compared whole. */
  reaches?: Partial<Arrival> & { passed?: string[] };
  /** 1xx answers before the final one. */
  interim?: number[];
}

/** The refusal of everything that is wrong with framing. */
export const framingInvalid = { refused: { status: 400, reason: 'framing_invalid' }, closes: true } as const;
export const headerInvalid = { refused: { status: 400, reason: 'header_invalid' }, closes: true } as const;
export const hostInvalid = { refused: { status: 400, reason: 'host_invalid' } } as const;

/** A request of the employee zone as Odoo must receive it; `passed` are the client's own fields among the others. */
export function arrivalOf({ line, fields, passed = [], body = '' }: WireCase['reaches'] & object): Arrival {
  const own = [
    'connection: close',
    `host: ${host}`,
    'traceparent: *',
    'x-bulkhead-tenant: acme',
    'x-bulkhead-workload: interactive',
    'x-bulkhead-zone: employee',
    'x-forwarded-for: 127.0.0.1',
    `x-forwarded-host: ${host}`,
    'x-forwarded-proto: http',
    'x-request-id: *',
  ];
  const length = body === '' ? [] : [`content-length: ${body.length}`];
  return {
    line: line ?? 'GET /odoo HTTP/1.1',
    fields: fields ?? [...own, ...length, ...passed].toSorted(),
    body,
  };
}

function titleOf({ name, refused, closes }: WireCase): string {
  if (refused === undefined) return `${name} reaches Odoo in one reading`;
  return `${name} is refused with ${refused.status} ${refused.reason}${closes === true ? ' and the connection ends' : ''}`;
}

/** Runs cases through the inline listener of the example configuration; after each one the next client gets its own answer. */
export function describeWire(title: string, cases: readonly WireCase[]): void {
  describe(title, () => {
    let gateway: TestGateway;
    let arrivals: () => Arrival[];
    let canaries = 0;
    beforeAll(async () => {
      gateway = await startTestGateway();
      arrivals = watchArrivals([gateway.interactive, gateway.batch, gateway.websocket], 'canary=');
    });
    afterAll(() => gateway.stop());

    const expectCanary = async (): Promise<void> => {
      const query = `canary=${++canaries}`;
      const answer = await askOnce(gateway.proxyPort, `GET /web/login?${query} HTTP/1.1\r\n${hostField}\r\n`);
      expect([answer.status, JSON.parse(answer.fields['x-seen'] ?? '{}')]).toMatchObject([200, { query }]);
    };

    test.each(cases.map((one) => [titleOf(one), one] as const))('%s', async (_title, one) => {
      const { bytes, refused, closes, reaches, interim = [] } = one;
      const connection = await WireConnection.open(gateway.proxyPort);
      connection.send(bytes);
      const answer = await connection.answer();
      if (refused === undefined) expect(answer.status).toBe(200);
      else expect([answer.status, reasonOf(answer)]).toEqual([refused.status, refused.reason]);
      expect(answer.interim).toEqual(interim);
      if (closes === true) {
        await connection.closed();
        expect([answer.fields['connection'], connection.received]).toEqual(['close', '']);
      }
      connection.destroy();
      // Its round trip is longer than the way upstream: what was going to arrive has arrived behind it.
      await expectCanary();
      expect(arrivals()).toEqual(reaches === undefined ? [] : [arrivalOf(reaches)]);
    });
  });
}
