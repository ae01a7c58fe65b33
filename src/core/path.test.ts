import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalPath, splitTarget } from './path.ts';

/** How werkzeug's development and prefork server and its router read a target: split, one unquote, leading slashes merged. */
function readAsWerkzeug(target: string): string {
  // eslint-disable-next-line no-control-regex -- urlsplit drops exactly these
  let rest = target.replace(/^[\u0000-\u0020]+/, '').replace(/[\t\r\n]/g, '');
  rest = rest.split('#')[0] ?? '';
  rest = rest.split('?')[0] ?? '';
  if (!rest.startsWith('/')) rest = rest.replace(/^[A-Za-z][A-Za-z0-9+.-]*:/, '');
  return `/${Buffer.from(unquote(rest), 'latin1').toString('utf8').replace(/^\/+/, '')}`;
}

function unquote(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function isAdminPath(path: string): boolean {
  return path === '/web/database' || path.startsWith('/web/database/');
}

/** Escapes every character whose bit is set, but for slashes and dots, whose escapes are refused. */
function escapeSome(text: string, mask: number): string {
  return Array.from(text, (character, i) =>
    character !== '/' && character !== '.' && (mask >> (i % 30)) & 1
      ? `%${character.charCodeAt(0).toString(16)}`
      : character,
  ).join('');
}

describe('canonicalPath', () => {
  it.each([
    ['the root', '/'],
    ['a plain path', '/web/database/manager'],
    ['a trailing slash, which is a path of its own', '/web/database/manager/'],
    ['every character that may stand raw', "/aZ09-_~!$&'()*+,=:@.x"],
    ['dots that are no dot segment', '/a.b/..c/.../d..'],
    ['an escaped blank', '/my%20orders'],
    ['an escaped letter outside of ASCII', '/K%C3%A4se/%E2%82%AC/%F0%9F%93%A6'],
    ['escaped delimiters of a URL', '/a%3Fb%23c%3Bd'],
  ])('%s is canonical already', (_, path) => {
    expect(canonicalPath(path)).toBe(path);
  });

  it.each([
    ['an escaped letter of the admin path is decoded', '/web/%64atabase/manager', '/web/database/manager'],
    ['every letter escaped is decoded', '/%77%65%62/%64%61%74%61%62%61%73%65', '/web/database'],
    ['an escaped tilde and dash are decoded', '/%7euser%2Dx', '/~user-x'],
    ['escapes of characters that may stand raw are decoded', '/%40%3a%2C%28x%29', '/@:,(x)'],
    ['lower-case hex late in a character becomes upper-case', '/%E2%82%ac', '/%E2%82%AC'],
    ['lower-case hex becomes upper-case', '/k%c3%a4se', '/k%C3%A4se'],
    ['brackets, carets and pipes of browsers are escaped', '/[FURN]^|x', '/%5BFURN%5D%5E%7Cx'],
  ])('%s', (_, raw, canonical) => {
    expect(canonicalPath(raw)).toBe(canonical);
  });

  it.each([
    // hardening.md §5 and odoo.md §0.7: every spelling that reached the database manager, or could
    ['a doubled leading slash, merged by the router', '//web/database/manager'],
    ['a doubled leading slash, read as an authority', '//erp.example/web/database/manager'],
    ['a tripled leading slash', '///web/database/manager'],
    ['an inner doubled slash, redirected to the merged path', '/web//database/manager'],
    ['a trailing doubled slash', '/web/database//'],
    ['an escaped slash', '/web%2Fdatabase/manager'],
    ['an escaped slash in lower case', '/web%2fdatabase/manager'],
    ['an escaped leading slash', '/%2fweb/database/manager'],
    ['an escaped trailing slash', '/web/database/manager%2f'],
    ['a doubly escaped slash', '/web%252fdatabase/manager'],
    ['a doubly escaped letter', '/web/%2564atabase/manager'],
    ['a dot segment', '/web/./database/manager'],
    ['a leading dot segment', '/./web/database/manager'],
    ['a trailing dot segment', '/web/database/.'],
    ['a parent segment', '/x/../web/database/manager'],
    ['a trailing parent segment', '/web/database/manager/..'],
    ['a parent segment alone', '/..'],
    ['an escaped parent segment', '/x/%2e%2e/web/database/manager'],
    ['an escaped parent segment in upper case', '/x/%2E%2E/web/database/manager'],
    ['a half-escaped parent segment', '/x/.%2e/web/database/manager'],
    ['an escaped dot', '/web/database/manager%2ehtml'],
    ['a parent segment behind an escaped slash', '/x%2f..%2fweb/database/manager'],
    ['a doubly escaped parent segment', '/x/%252e%252e/web/database'],
    ['a parent segment with a path parameter', '/x/..;/web/database/manager'],
    ['a path parameter', '/web;p/database/manager'],
    ['a path parameter with a value', '/web/database;jsessionid=1/manager'],
    ['a backslash', '/web\\database\\manager'],
    ['a leading backslash', '\\web\\database'],
    ['a slash and a backslash', '/\\web/database'],
    ['an escaped backslash', '/web%5cdatabase/manager'],
    ['an escaped backslash in upper case', '/web%5Cdatabase/manager'],
    ['a doubly escaped backslash', '/web%255cdatabase'],
    ['an escaped NUL', '/web/database/manager%00'],
    ['an escaped NUL within', '/web%00/database/manager'],
    ['an escaped tab', '/web/%09database'],
    ['an escaped line feed', '/web/database%0a'],
    ['an escaped carriage return', '/web/database%0D%0A'],
    ['an escaped delete character', '/web/database%7f'],
    ['an escaped control character of Latin-1', '/web/database%C2%85'],
    ['an escaped percent sign', '/web/100%25'],
    ['a raw NUL', '/web\u0000/database'],
    ['a raw tab, dropped by urlsplit', '/we\tb/database/manager'],
    ['a raw line feed, dropped by urlsplit', '/we\nb/database/manager'],
    ['a raw carriage return', '/web/database\r'],
    ['a raw blank', '/web/database /manager'],
    ['a leading blank, dropped by urlsplit', ' /web/database/manager'],
    ['a raw delete character', '/web\u007f/database'],
    ['a raw letter outside of ASCII', '/web/datab\u00e4se'],
    ['a raw fullwidth slash', '/web\uff0fdatabase'],
    ['a fullwidth slash', '/web%EF%BC%8Fdatabase/manager'],
    ['a fullwidth full stop', '/x/%EF%BC%8E%EF%BC%8E/web/database'],
    ['a fullwidth backslash', '/web%EF%BC%BCdatabase'],
    ['a fullwidth percent sign', '/web%EF%BC%852fdatabase'],
    ['a division slash', '/web%E2%88%95database'],
    ['a fraction slash', '/web%E2%81%84database'],
    ['a two-dot leader', '/x/%E2%80%A5/web'],
    ['an overlong slash in two bytes', '/web%c0%afdatabase/manager'],
    ['an overlong slash in three bytes', '/web%e0%80%afdatabase/manager'],
    ['an overlong slash in four bytes', '/web%f0%80%80%afdatabase'],
    ['an overlong dot', '/x/%c0%ae%c0%ae/web/database'],
    ['an overlong letter', '/web/%c1%a4atabase'],
    ['an overlong NUL', '/web%c0%80'],
    ['an overlong letter outside of ASCII in three bytes', '/K%e0%83%a4se'],
    ['an overlong letter outside of ASCII in four bytes', '/%f0%82%82%ac'],
    ['a surrogate', '/web/%ed%a0%80'],
    ['a value above U+10FFFF', '/web/%f4%90%80%80'],
    ['a byte that UTF-8 has not', '/web/%ff'],
    ['a continuation byte alone', '/web/%80'],
    ['a character cut off at the end', '/web/%c3'],
    ['a character cut off by a raw letter', '/web/%c3a'],
    ['an escape without digits', '/web/%'],
    ['an escape with one digit', '/web/%6'],
    ['an escape with a wrong digit', '/web/%6g'],
    ['an escape with a sign', '/web/%+6'],
    ['an escape of another notation', '/web/%u0064atabase'],
    ['an escape with fullwidth digits', '/web/%\uff16\uff14atabase'],
    ['a fragment, cut by urlsplit', '/web/database/manager#x'],
    ['a fragment before the admin path', '/#/web/database'],
    ['an empty path', ''],
    ['a path without a slash', 'web/database/manager'],
    ['an absolute form', 'http://evil.example/web/database/manager'],
    ['a scheme without an authority, cut by urlsplit', 'http:web/database/manager'],
    ['an asterisk form', '*'],
    ['quotes', '/web/"database"'],
    ['angle brackets', '/web/<database>'],
    ['braces', '/web/{database}'],
    ['a backtick', '/web/`database`'],
  ])('%s is refused', (_, raw) => {
    expect(canonicalPath(raw)).toBeUndefined();
  });

  it('every character that compatibility normalisation turns into a delimiter is refused', () => {
    const delimiters = new Set(['/', '\\', '.', '..', '%', ';', '?', '#']);
    for (let codePoint = 0x80; codePoint <= 0xffff; codePoint++) {
      if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
      const character = String.fromCodePoint(codePoint);
      if (delimiters.has(character.normalize('NFKC')))
        expect([character, canonicalPath(`/a${encodeURIComponent(character)}b`)]).toEqual([
          character,
          undefined,
        ]);
    }
  });

  it('accepts every other printable character in its UTF-8 escape', () => {
    for (const codePoint of [0xa0, 0xe4, 0x7ff, 0x800, 0x20ac, 0xd7ff, 0xe000, 0xfffd, 0x10000, 0x10ffff]) {
      const path = `/x${encodeURIComponent(String.fromCodePoint(codePoint))}`;
      expect(canonicalPath(path)).toBe(path);
    }
  });
});

describe('canonicalPath, for any text', () => {
  const trick = fc.constantFrom(
    '/',
    '//',
    '.',
    '..',
    '%2f',
    '%2F',
    '%5c',
    '%2e',
    '%00',
    '%25',
    '%',
    '%6',
    ';',
    '\\',
    '#',
    '?',
    '\t',
    ' ',
    '[',
    '|',
    'web',
    'database',
    'manager',
    '%77eb',
    'd%61tabase',
    '%64',
    'x',
    '%C3%A4',
    '%c3%a4',
    '%c0%af',
    '%EF%BC%8F',
    'ä',
    ':',
    '%3a',
    '@',
    '%40',
  );
  const anyPath = fc.oneof(
    fc.array(trick, { maxLength: 12 }).map((parts) => `/${parts.join('')}`),
    fc.array(trick, { maxLength: 12 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `/${text}`),
    fc.webPath(),
  );

  it('is idempotent and never throws', () => {
    fc.assert(
      fc.property(anyPath, (raw) => {
        const canonical = canonicalPath(raw);
        if (canonical !== undefined) expect(canonicalPath(canonical)).toBe(canonical);
      }),
      { numRuns: 5000 },
    );
  });

  it('never opens the admin path unless the canonical path says so', () => {
    fc.assert(
      fc.property(anyPath, (raw) => {
        const canonical = canonicalPath(raw);
        if (canonical !== undefined && isAdminPath(readAsWerkzeug(canonical)))
          expect(isAdminPath(canonical)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('is read by werkzeug as what the client wrote', () => {
    fc.assert(
      fc.property(anyPath, (raw) => {
        const canonical = canonicalPath(raw);
        if (canonical !== undefined) expect(readAsWerkzeug(canonical)).toBe(readAsWerkzeug(raw));
      }),
      { numRuns: 5000 },
    );
  });

  it('has one spelling for all paths that decode alike', () => {
    const plainPath = fc.string({
      unit: fc.constantFrom(...Array.from("abZ09-_~!$&'()*+,=:@/.[]|^")),
      maxLength: 30,
    });
    fc.assert(
      fc.property(plainPath, fc.integer({ min: 0, max: 2 ** 30 }), (text, mask) => {
        const canonical = canonicalPath(`/${text}`);
        fc.pre(canonical !== undefined);
        expect(canonicalPath(escapeSome(`/${text}`, mask))).toBe(canonical);
      }),
    );
  });
});

describe('splitTarget', () => {
  it.each([
    ['a target without query', '/web', { path: '/web', query: undefined }],
    ['an empty query', '/web?', { path: '/web', query: '' }],
    ['a query with a second question mark', '/web?a=b?c', { path: '/web', query: 'a=b?c' }],
    ['a query with escapes', '/web?a=%2F%00', { path: '/web', query: 'a=%2F%00' }],
  ])('%s is split at the first question mark', (_, target, parts) => {
    expect(splitTarget(target)).toEqual(parts);
  });

  it.each([
    ['an absolute form', 'http://evil.example/web'],
    ['an absolute form without authority', 'http:/web'],
    ['an authority form', 'erp.example:443'],
    ['an asterisk form', '*'],
    ['an empty target', ''],
    ['a fragment in the query', '/web?a#b'],
    ['a blank in the query', '/web?a b'],
    ['a line feed in the query', '/web?a\nb'],
    ['a NUL in the query', '/web?\u0000'],
    ['a delete character in the query', '/web?\u007f'],
    ['a letter outside of ASCII in the query', '/web?ä'],
  ])('%s is refused', (_, target) => {
    expect(splitTarget(target)).toBeUndefined();
  });
});
