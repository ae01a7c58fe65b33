import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyBuffer } from './body-buffer.ts';

describe('BodyBuffer', () => {
  test('gives back what came, however it was cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 40 }), (pieces) => {
        const whole = Buffer.concat(pieces);
        const body = new BodyBuffer(whole.length);
        for (const piece of pieces) expect(body.append(Buffer.from(piece))).toBe(true);
        expect(body.take().equals(whole)).toBe(true);
      }),
    );
  });

  test('takes its bound and not one byte more', () => {
    const body = new BodyBuffer(5);
    expect([body.append(Buffer.from('123')), body.append(Buffer.from('45'))]).toEqual([true, true]);
    expect([body.append(Buffer.from('6')), body.take().toString()]).toEqual([false, '12345']);
    expect(new BodyBuffer(5).append(Buffer.from('123456'))).toBe(false);
  });

  test('does not copy a body that comes in one piece', () => {
    const piece = Buffer.from('hello');
    const body = new BodyBuffer(100);
    body.append(piece);
    expect(body.take()).toBe(piece);
  });

  // The pieces are views of the buffer into which the next bytes of the socket are read.
  test('never writes into a piece', () => {
    const read = Buffer.from('helloXXXXXXXX');
    const body = new BodyBuffer(100);
    body.append(read.subarray(0, 5));
    body.append(Buffer.from(' world'));
    expect([body.take().toString(), read.toString()]).toEqual(['hello world', 'helloXXXXXXXX']);
  });

  test('is empty when nothing came', () => {
    expect(new BodyBuffer(5).take()).toHaveLength(0);
  });
});
