import { describe, expect, it } from 'vitest';
import { Transaction } from './transaction.ts';

const answer = Buffer.from('{"jsonrpc": "2.0", "id": 7, "result": true}');

describe('a transaction', () => {
  it('is refused until Odoo has it', () => {
    expect(new Transaction('picking-validated', 'web').outcome).toBe('refused');
  });

  it('has failed when no whole answer came', () => {
    const transaction = new Transaction('picking-validated', 'web');
    transaction.onForward();
    expect(transaction.outcome).toBe('failed');
    transaction.onAnswer(200);
    transaction.onChunk(answer);
    expect(transaction.outcome).toBe('failed');
    transaction.onEnd();
    expect(transaction.outcome).toBe('done');
  });

  it('is read off the beginning of its answer, however that is cut, and holds no more of it', () => {
    const transaction = new Transaction('picking-validated', 'web');
    transaction.onForward();
    transaction.onAnswer(200);
    for (const byte of answer) transaction.onChunk(Buffer.from([byte]));
    for (let i = 0; i < 100; i++) transaction.onChunk(Buffer.from('"error":'.repeat(100)));
    transaction.onEnd();
    expect(transaction.outcome).toBe('done');
  });
});
