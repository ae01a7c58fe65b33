import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const checkout = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(checkout, file), 'utf8');

it('the documented rights of the Redis user are those that the scripts need, and four to run them', () => {
  const folder = 'src/limits';
  const sources = readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(?<!\.test)\.ts$/.test(name),
  );
  const calls = sources.flatMap((name) => [
    ...read(join(folder, name)).matchAll(/redis\.p?call\('([A-Z]+)'/g),
  ]);
  const commands = new Set(calls.map((call) => `+${call[1]!.toLowerCase()}`));
  const granted = /^ACL SETUSER bulkhead on ><password> ~bh:\* -@all (.*)$/m.exec(
    read('docs/configuration.md'),
  )?.[1];
  const running = ['+eval', '+evalsha', '+info', '+client|setname'];
  expect(new Set(granted?.split(' '))).toEqual(new Set([...commands, ...running]));
});
