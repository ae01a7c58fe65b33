import { expect, it } from 'vitest';
import { manualClock } from '../../core/clock.ts';
import { RightSecrets } from './right-secrets.ts';

it('a secret that was right is known for an hour, for its account and in this process alone', () => {
  const clock = manualClock();
  const secrets = new RightSecrets({ clock });
  const digest = secrets.digest('acme', 'hunter2');
  expect(secrets.has(digest)).toBe(false);
  secrets.add(digest);
  expect(secrets.has(secrets.digest('acme', 'hunter2'))).toBe(true);
  expect(secrets.has(secrets.digest('globex', 'hunter2'))).toBe(false);
  expect(secrets.has(secrets.digest('acme', 'hunter3'))).toBe(false);
  expect(new RightSecrets({ clock }).digest('acme', 'hunter2')).not.toBe(digest);
  clock.advance(3_599_999);
  expect(secrets.has(digest)).toBe(true);
  clock.advance(1);
  expect(secrets.has(digest)).toBe(false);
});

it('one that turns out wrong is forgotten at once', () => {
  const secrets = new RightSecrets({ clock: manualClock() });
  secrets.add('digest');
  secrets.delete('digest');
  expect([secrets.has('digest'), secrets.size]).toEqual([false, 0]);
});

it('at the bound the one not seen for longest is forgotten', () => {
  const secrets = new RightSecrets({ clock: manualClock(), maxKeys: 2 });
  for (const digest of ['a', 'b', 'a', 'c']) secrets.add(digest);
  expect(['a', 'b', 'c'].map((digest) => secrets.has(digest))).toEqual([true, false, true]);
  expect(secrets.size).toBe(2);
});
