import { describe, expect, it } from 'vitest';
import { createLogs } from './log.ts';

function open(level = 'info') {
  const lines: string[] = [];
  const { events } = createLogs(level, { sink: { write: (text) => void lines.push(text) } });
  return { events, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

describe('the event log', () => {
  it('is one JSON object per line, with the level as a word and the time in UTC', () => {
    const { events, lines } = open();
    events.warn({ pool: 'odoo', url: 'http://127.0.0.1:8069', up: false }, 'endpoint is out of service');
    expect(lines).toEqual([
      expect.stringMatching(
        /^\{"level":"warn","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","pool":"odoo","url":"http:\/\/127\.0\.0\.1:8069","up":false,"msg":"endpoint is out of service"\}\n$/,
      ),
    ]);
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ])('at level %s holds %j', (level, expected) => {
    const { events, lines } = open(level);
    events.debug('a');
    events.info('b');
    events.warn('c');
    events.error('d');
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(expected);
  });
});

describe('an error in the event log', () => {
  // The Redis client puts the whole command on its errors, the password of AUTH included.
  it('is told by name, code, message and stack, and brings nothing else along', () => {
    const { events, lines, last } = open();
    const error = Object.assign(new TypeError('connection refused'), {
      code: 'ECONNREFUSED',
      command: { name: 'auth', args: ['hunter2'] },
      headers: { authorization: 'Bearer hunter2' },
      options: { headers: { cookie: 'session_id=hunter2' }, url: 'https://x/?token=hunter2' },
    });
    events.error({ err: error }, 'a reload failed');
    expect(last()).toMatchObject({
      level: 'error',
      err: { name: 'TypeError', code: 'ECONNREFUSED', message: 'connection refused', stack: error.stack },
      msg: 'a reload failed',
    });
    expect(Object.keys(last()['err'] as object)).toEqual(['name', 'code', 'message', 'stack']);
    expect(lines.join('')).not.toContain('hunter2');
  });

  it('brings its causes along, told alike', () => {
    const { events, lines, last } = open();
    const cause = Object.assign(new Error('inner', { cause: 'text' }), { token: 'hunter2' });
    events.error({ err: new Error('outer', { cause }) });
    expect(last()['err']).toMatchObject({ message: 'outer', cause: { message: 'inner', cause: 'text' } });
    expect(lines.join('')).not.toContain('hunter2');
  });

  it('may be anything that was thrown', () => {
    const { events, last } = open();
    events.error({ err: 'just text' });
    expect(last()['err']).toBe('just text');
    events.error({ err: { token: 'hunter2' } });
    expect(last()['err']).toBe('[object Object]');
  });
});

describe('the event log leaves out', () => {
  it.each(['authorization', 'cookie', 'password', 'token', 'headers'])('%s, also one level down', (name) => {
    const { events, last } = open();
    events.info({ [name]: 'hunter2', kept: 1, inside: { [name]: 'hunter2', kept: 2 } }, 'x');
    const { time: _, ...line } = last();
    expect(line).toEqual({ level: 'info', kept: 1, inside: { kept: 2 }, msg: 'x' });
  });
});
