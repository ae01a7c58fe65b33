import { describe, expect, it } from 'vitest';
import { sessionIdOf } from './session-id.ts';

const stable = 'Zt-3_xK9'.repeat(5) + 'ab';
const id = `${stable}${'r'.repeat(42)}`;

describe('sessionIdOf', () => {
  it.each([
    ['alone', `session_id=${id}`],
    ['after Odoo renewed its second half', `session_id=${stable}${'q'.repeat(42)}`],
    ['among other cookies', `tz=Europe/Berlin; session_id=${id}; cids=1-2`],
    ['without blanks between', `tz=x;session_id=${id};cids=1`],
    ['beside names that only end or begin alike', `my_session_id=1; session_id=${id}; session_id_old=2`],
  ])('is the half that stays, %s', (_name, cookie) => {
    expect(sessionIdOf(['host', 'x', 'cookie', cookie])).toBe(stable);
  });

  it('is the whole of the shorter ids of older versions', () => {
    expect(sessionIdOf(['cookie', `session_id=${'a1'.repeat(20)}`])).toBe('a1'.repeat(20));
  });

  // Each of these Odoo may read as this very session, so each would be another way to write one.
  it.each([
    ['none', []],
    ['an empty one', ['cookie', 'session_id=']],
    ['one that is no id', ['cookie', 'session_id=hunter2']],
    ['one too long', ['cookie', `session_id=${'a'.repeat(129)}`]],
    ['one in quotes', ['cookie', `session_id="${id}"`]],
    ['one with an escape', ['cookie', `session_id="\\${id}"`]],
    ['a blank in its name', ['cookie', `session_id =${id}`]],
    ['two of them', ['cookie', `session_id=${id}; session_id=${'b'.repeat(84)}`]],
    ['a second one with a blank', ['cookie', `session_id =${id}; session_id=${'b'.repeat(84)}`]],
    ['a second one before it', ['cookie', `\u00c2\u00a0session_id=${id}; session_id=${'b'.repeat(84)}`]],
    ['a second one right after it', ['cookie', `session_id=${id};session_id=${'b'.repeat(84)}`]],
    ['a second field', ['cookie', `session_id=${id}`, 'cookie', 'tz=x']],
    ['another name', ['cookie', `xsession_id=${id}`]],
    ['another case', ['cookie', `Session_Id=${id}`]],
  ])('is unknown with %s', (_name, fields) => {
    expect(sessionIdOf(fields)).toBeUndefined();
  });
});
