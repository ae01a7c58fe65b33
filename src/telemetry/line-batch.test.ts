import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { manualScheduler } from '../core/scheduler.ts';
import { LineBatch } from './line-batch.ts';

function openBatch(maxBytes?: number) {
  const written: string[] = [];
  const flushed: string[][] = [];
  const scheduler = manualScheduler(manualClock());
  const output = {
    write: (text: string) => void written.push(text),
    flush(onDone?: () => void) {
      flushed.push([...written]);
      onDone?.();
    },
  };
  return { batch: new LineBatch(output, scheduler, maxBytes), scheduler, written, flushed };
}

describe('a line batch', () => {
  it('hands lines on together after 200 ms', () => {
    const { batch, scheduler, written } = openBatch();
    batch.write('one\n');
    batch.write('two\n');
    scheduler.advance(199);
    expect(written).toEqual([]);
    scheduler.advance(1);
    expect(written).toEqual(['one\ntwo\n']);
  });

  it('waits 200 ms again for what comes later', () => {
    const { batch, scheduler, written } = openBatch();
    batch.write('one\n');
    scheduler.advance(1000);
    batch.write('two\n');
    scheduler.advance(200);
    expect(written).toEqual(['one\n', 'two\n']);
    expect(scheduler.pending()).toBe(0);
  });

  it('hands lines on at once when there are 64 KiB of them', () => {
    const { batch, written } = openBatch();
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 63; i++) batch.write(line);
    expect(written).toEqual([]);
    batch.write(line);
    expect(written).toEqual([line.repeat(64)]);
  });

  it('hands on no more bytes at once than several writers may share, except for a line that is longer', () => {
    const { batch, written } = openBatch(10);
    for (const line of ['äää\n', 'ä\n', 'b\n', `${'x'.repeat(20)}\n`, 'c\n']) batch.write(line);
    batch.handOn();
    expect(written).toEqual(['äää\nä\n', 'b\n', `${'x'.repeat(20)}\n`, 'c\n']);
  });

  it('writes nothing when there is no line', () => {
    const { batch, scheduler, written } = openBatch();
    scheduler.advance(1000);
    expect(batch.handOn()).toBe(false);
    expect(written).toEqual([]);
  });

  it('hands everything on before the output is flushed', () => {
    const { batch, flushed } = openBatch();
    batch.write('last\n');
    let done = false;
    batch.flush(() => {
      done = true;
    });
    expect({ flushed, done }).toEqual({ flushed: [['last\n']], done: true });
  });
});
