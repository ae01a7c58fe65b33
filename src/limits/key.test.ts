import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientKeyOf, encodeKeyPart, limitKeyOf } from './key.ts';
import type { LimitSubject } from './key.ts';

const subject: LimitSubject = {
  zone: 'partner',
  tenant: 'acme',
  principal: 'edi-acme',
  issuer: 'keycloak',
  clientAddress: '198.51.100.7',
};

describe('limitKeyOf', () => {
  it.each([
    ['zone', 'partner'],
    ['tenant', 'acme'],
    ['principal', 'acme/edi-acme'],
    ['client', '198.51.100.7'],
    ['session', '198.51.100.7'],
  ] as const)('names the %s whose budget it is', (kind, key) => {
    expect(limitKeyOf(kind, subject)).toBe(key);
  });

  it('knows a session by a digest of its own, and not by its id', () => {
    const session = '7'.padStart(42, 's');
    expect(limitKeyOf('session', { ...subject, session })).toBe('session-748243ffe0de7f2a52481ebe885c5503');
    expect(limitKeyOf('session', { ...subject, session: session.replace('7', '8') })).toMatch(
      /^session-(?!7482)[0-9a-f]{32}$/,
    );
  });

  it('names nobody when the request does not say who it is', () => {
    const unknown = { ...subject, tenant: undefined, principal: undefined };
    expect(limitKeyOf('tenant', unknown)).toBeUndefined();
    expect(limitKeyOf('principal', unknown)).toBeUndefined();
    expect(limitKeyOf('principal', { ...subject, principal: undefined })).toBeUndefined();
  });

  it('keeps callers of different issuers apart where no tenant does', () => {
    expect(limitKeyOf('principal', { ...subject, tenant: undefined })).toBe('/keycloak/edi-acme');
    expect(limitKeyOf('principal', { ...subject, tenant: undefined, issuer: undefined })).toBe('//edi-acme');
  });

  it('gives a whole IPv6 /64 one budget', () => {
    expect(clientKeyOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(clientKeyOf('2001:db8:1:2::ffff')).toBe(clientKeyOf('2001:db8:1:2:a::1'));
    expect(clientKeyOf('2001:db8:1:3::1')).not.toBe(clientKeyOf('2001:db8:1:2::1'));
  });

  it('never gives two callers one key, whatever their names hold', () => {
    const name = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('a', '/', '%', '2', 'F', '~', '}', ':') }),
    );
    const tenant = fc.option(name, { nil: undefined });
    const caller = fc.record({ tenant, principal: name, issuer: name });
    fc.assert(
      fc.property(caller, caller, (a, b) => {
        const keys = [a, b].map((some) => limitKeyOf('principal', { ...subject, ...some }));
        const same =
          a.tenant === b.tenant &&
          a.principal === b.principal &&
          (a.tenant !== undefined || a.issuer === b.issuer);
        expect(keys[0] === keys[1]).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('encodeKeyPart', () => {
  it.each([
    ['CN=edi, O=Acme+1', 'CN=edi, O=Acme+1'],
    ['a/b', 'a%2Fb'],
    ['a%2Fb', 'a%252Fb'],
    ['}:x\r\n', '%7D%3Ax%0D%0A'],
    ['zoë', 'zo%C3%AB'],
    ['\u{1F4E6}', '%F0%9F%93%A6'],
    ['\ud800', '%EF%BF%BD'],
    ['', ''],
  ])('writes %j as %j', (part, encoded) => {
    expect(encodeKeyPart(part)).toBe(encoded);
  });

  it('bounds a name of any length and keeps different ones apart', () => {
    const long = 'x'.repeat(100_000);
    expect(encodeKeyPart(long)).toMatch(/^x{64}~[0-9a-f]{32}$/);
    expect(encodeKeyPart(`${long}y`)).not.toBe(encodeKeyPart(long));
    expect(encodeKeyPart('x'.repeat(128))).toBe('x'.repeat(128));
  });
});
