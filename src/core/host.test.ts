import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHost } from './host.ts';

const label63 = 'a'.repeat(63);
const host253 = `${label63}.${label63}.${label63}.${'a'.repeat(61)}`;

describe('parseHost', () => {
  it.each([
    ['a name', 'erp.example', 'erp.example', undefined],
    ['a name of one label', 'localhost', 'localhost', undefined],
    ['upper case', 'ERP.Example', 'erp.example', undefined],
    ['one trailing dot', 'erp.example.', 'erp.example', undefined],
    ['a trailing dot and a port', 'ERP.example.:8443', 'erp.example', 8443],
    ['a port', 'erp.example:1', 'erp.example', 1],
    ['the highest port', 'erp.example:65535', 'erp.example', 65535],
    ['underscores and digits', '_dmarc.1und1.example', '_dmarc.1und1.example', undefined],
    ['an internationalised label in its ASCII form', 'xn--kse-qla.example', 'xn--kse-qla.example', undefined],
    ['an IPv4 address', '192.0.2.1:80', '192.0.2.1', 80],
    ['an IPv6 address, made canonical', '[2001:DB8:0::1]', '[2001:db8::1]', undefined],
    ['an IPv6 address with a port', '[::1]:443', '[::1]', 443],
    ['the longest label and name', host253, host253, undefined],
    ['the longest name with a trailing dot', `${host253}.`, host253, undefined],
  ])('%s is read', (_, value, host, port) => {
    expect(parseHost(value)).toEqual({ host, port });
  });

  it.each([
    ['nothing', ''],
    ['a dot alone', '.'],
    ['a port alone', ':80'],
    ['two trailing dots', 'erp.example..'],
    ['a leading dot', '.erp.example'],
    ['an empty label', 'erp..example'],
    ['userinfo', 'user@erp.example'],
    ['userinfo with a password', 'erp.example:80@evil.example'],
    ['a path', 'erp.example/web'],
    ['a query', 'erp.example?x'],
    ['a fragment', 'erp.example#x'],
    ['a scheme', 'http://erp.example'],
    ['a backslash', 'erp.example\\x'],
    ['a list', 'erp.example,evil.example'],
    ['a list with a blank', 'erp.example, evil.example'],
    ['a leading blank', ' erp.example'],
    ['a trailing blank', 'erp.example '],
    ['a blank before the port', 'erp.example :80'],
    ['a tab', 'erp\t.example'],
    ['a NUL', 'erp.example\u0000'],
    ['an escape', 'erp%2eexample'],
    ['a wildcard', '*.example'],
    ['an empty port', 'erp.example:'],
    ['port 0', 'erp.example:0'],
    ['a port above 65535', 'erp.example:65536'],
    ['a port with a leading zero', 'erp.example:0443'],
    ['a port with a sign', 'erp.example:+80'],
    ['a port with letters', 'erp.example:80a'],
    ['a port in hexadecimal', 'erp.example:0x50'],
    ['a port of six digits', 'erp.example:100000'],
    ['two ports', 'erp.example:80:80'],
    ['a Kelvin sign that lower-cases to k', '\u212Aiosk.example'],
    ['a long s that upper-cases to S', '\u017Fhop.example'],
    ['a fullwidth full stop', 'erp\uff0eexample'],
    ['an ideographic full stop', 'erp\u3002example'],
    ['a label that starts with a dash', '-erp.example'],
    ['a label that ends with a dash', 'erp-.example'],
    ['a last label that ends with a dash', 'erp.example-'],
    ['a label of 64 characters', `${label63}a.example`],
    ['a name of 254 characters', `${host253}a`],
    ['an IPv4 address of three parts', '127.0.1'],
    ['an IPv4 address as one number', '2130706433'],
    ['an IPv4 address with octal parts', '0177.0.0.1'],
    ['an IPv4 address in hexadecimal', '0x7f000001'],
    ['an IPv4 address with a hexadecimal part', '127.0.0.0x1'],
    ['an IPv4 address out of range', '256.0.0.1'],
    ['a name that ends in a number', 'erp.example.1'],
    ['an IPv6 address without brackets', '2001:db8::1'],
    ['an IPv6 address that is not closed', '[::1'],
    ['an IPv6 address with a zone', '[fe80::1%25eth0]'],
    ['an IPv4-mapped IPv6 address, a second spelling', '[::ffff:192.0.2.1]'],
    ['an IPv4 address in brackets', '[192.0.2.1]'],
    ['a future IP literal', '[v1.x]'],
    ['text after the brackets', '[::1]x'],
    ['an empty port after the brackets', '[::1]:'],
    ['empty brackets', '[]'],
  ])('%s is refused', (_, value) => {
    expect(parseHost(value)).toBeUndefined();
  });

  it('gives a host that reads as itself, and never throws', () => {
    const piece = fc.constantFrom(
      'a',
      'B',
      '1',
      '-',
      '_',
      '.',
      ':',
      '80',
      '[',
      ']',
      '::',
      'x.y',
      '@',
      '/',
      ' ',
      '0x1',
      'é',
      '192.0.2.1',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
          fc.string(),
        ),
        (value) => {
          const parsed = parseHost(value);
          if (parsed === undefined) return;
          expect(parseHost(parsed.host)).toEqual({ host: parsed.host, port: undefined });
          expect(parsed.host).toMatch(/^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])$/);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('agrees with the URL parser on every host that it accepts', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.domain(),
          fc.ipV4(),
          fc.ipV6().map((ip) => `[${ip}]`),
        ),
        fc.integer({ min: 1, max: 65535 }),
        (name, port) => {
          const parsed = parseHost(`${name}:${port}`);
          if (parsed !== undefined) expect(parsed.host).toBe(new URL(`http://${name}:${port}`).hostname);
        },
      ),
    );
  });
});
