import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { publicPath } from './secret-paths.ts';

describe('publicPath', () => {
  it.each([
    ['/web/hook/5e3c', '/web/hook/[redacted]'],
    ['/web/hook/5e3c/more', '/web/hook/[redacted]'],
    ['/web/hook/', '/web/hook/[redacted]'],
    ['/hr_attendance/5e3c', '/hr_attendance/[redacted]'],
    ['/r/abc', '/r/[redacted]'],
    ['/sms_twilio/status/5e3c', '/sms_twilio/status/[redacted]'],
    ['/survey/start/5e3c', '/survey/[redacted]'],
    ['/survey/r/5e3c', '/survey/[redacted]'],
    ['/rate/5e3c/5', '/rate/[redacted]'],
    ['/chat/7/5e3c', '/chat/[redacted]'],
    ['/meet/5e3c', '/meet/[redacted]'],
    ['/calendar/join_videocall/5e3c', '/calendar/[redacted]'],
    ['/mail/track/7/5e3c/blank.gif', '/mail/track/[redacted]'],
    // Odoo takes a website language off the path.
    ['/de/survey/start/5e3c', '/de/survey/[redacted]'],
    ['/pt_BR/web/hook/5e3c', '/pt_BR/web/hook/[redacted]'],
  ])('cuts %s', (path, shown) => {
    expect(publicPath(path)).toBe(shown);
  });

  it.each([
    '',
    '/',
    '/odoo',
    '/web/hook',
    '/web/hooks/x',
    '/report/pdf/x/1',
    '/a/b/r/c',
    '/web/r',
    '/json/2/survey.survey/read',
    '/rating',
  ])('shows %j', (path) => {
    expect(publicPath(path)).toBe(path);
  });

  it('never shows what follows such a route', () => {
    const route = fc.constantFrom('/web/hook/', '/r/', '/survey/', '/hr_attendance/');
    const language = fc.constantFrom('', '/de', '/pt_BR', '/zh_TW');
    fc.assert(
      fc.property(language, route, fc.stringMatching(/^[A-Za-z0-9_/-]{8,30}$/), (inFront, known, secret) => {
        expect(publicPath(`${inFront}${known}${secret}`)).toBe(`${inFront}${known}[redacted]`);
      }),
    );
  });
});
