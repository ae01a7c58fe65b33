import { describe, expect, it } from 'vitest';
import { manualTime } from '../../test/servers/manual-time.ts';
import { InstanceCount } from './instance-count.ts';

function room(configured = 2) {
  const { scheduler } = manualTime();
  const lives = new Set<string>();
  const asked: { answer(): void; fail(): void }[] = [];
  let answers = 0;
  const count = new InstanceCount({
    scheduler,
    configured,
    board: {
      announce: (id) =>
        new Promise((resolve, reject) => {
          asked.push({
            answer: () => {
              const others = [...lives.add(id)].filter((other) => other < id);
              resolve({ index: others.length, of: lives.size });
            },
            fail: () => reject(new Error('gone')),
          });
        }),
      leave: (id) => Promise.resolve(lives.delete(id)),
    },
    onAnswer: () => answers++,
  });
  const settle = async (how: 'answer' | 'fail'): Promise<void> => {
    asked.at(-1)![how]();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { count, scheduler, lives, asked, settle, answers: () => answers };
}

describe('InstanceCount', () => {
  it('is as many as are configured until the store says more', async () => {
    const { count, lives, settle, answers } = room();
    expect(count.now).toBe(2);
    count.announce();
    for (const other of ['a', 'b', 'c']) lives.add(other);
    await settle('answer');
    expect([count.now, answers()]).toEqual([4, 1]);
  });

  it('knows its place among them, and takes the last one before', async () => {
    const { count, lives, settle } = room(3);
    expect(count.place).toEqual({ index: 2, of: 3 });
    count.announce();
    // Ids are base64url: this one stands before all of them.
    lives.add('!');
    await settle('answer');
    expect(count.place).toEqual({ index: 1, of: 2 });
  });

  it('announces itself every 2 s, and not again while an answer is due', async () => {
    const { count, scheduler, asked, settle } = room();
    count.announce();
    expect(asked).toHaveLength(1);
    scheduler.advance(4000);
    expect(asked).toHaveLength(1);
    await settle('answer');
    scheduler.advance(1999);
    expect(asked).toHaveLength(1);
    scheduler.advance(1);
    expect(asked).toHaveLength(2);
  });

  it('stays as it was while the store does not answer, and follows it afterwards', async () => {
    const { count, scheduler, lives, settle } = room();
    for (const other of ['a', 'b', 'c']) lives.add(other);
    count.announce();
    await settle('answer');
    scheduler.advance(2000);
    await settle('fail');
    expect(count.now).toBe(4);
    lives.delete('a');
    lives.delete('b');
    lives.delete('c');
    scheduler.advance(2000);
    await settle('answer');
    expect(count.now).toBe(2);
  });

  it('takes itself off when it is closed, and says nothing more', async () => {
    const { count, scheduler, lives, asked, settle } = room();
    count.announce();
    await settle('answer');
    count.close();
    expect(lives.size).toBe(0);
    scheduler.advance(10_000);
    count.announce();
    expect(asked).toHaveLength(1);
  });
});
