import { BlockList, isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cidr, canonicalIp, containsIp, limitKeyOfIp, parseCidr, parseIp } from './ip.ts';

function cidr(text: string): Cidr {
  const result = parseCidr(text);
  if ('problem' in result) throw new Error(result.problem);
  return result.cidr;
}

describe('canonicalIp', () => {
  it.each([
    ['an IPv4 address', '192.0.2.1', '192.0.2.1'],
    ['the highest IPv4 address', '255.255.255.255', '255.255.255.255'],
    ['an IPv6 address in upper case', '2001:DB8::A', '2001:db8::a'],
    ['leading zeros of groups', '2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['the first of two longest zero runs', '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['the longer zero run', '1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['a single zero group, which is not shortened', '2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['a gap of one group, which is written out', '1::3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['the unspecified address', '::', '::'],
    ['zeros at the end', '2001:db8::', '2001:db8::'],
    ['an IPv4-mapped address', '::ffff:192.0.2.1', '192.0.2.1'],
    ['an IPv4-mapped address in hexadecimal', '::FFFF:c000:0201', '192.0.2.1'],
    ['an IPv4-mapped address written out', '0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['an address that looks mapped in its second half', '0:0:1:0:0:ffff:c000:201', '::1:0:0:ffff:c000:201'],
    ['an embedded IPv4 address that is not mapped', '64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('%s has one spelling', (_, text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical);
  });

  it.each([
    ['nothing', ''],
    ['an octet above 255', '192.0.2.256'],
    ['an octet with a leading zero', '192.0.2.01'],
    ['three octets', '192.0.2'],
    ['five octets', '192.0.2.1.1'],
    ['an empty octet', '192..2.1'],
    ['a trailing dot', '192.0.2.1.'],
    ['a number', '3221225985'],
    ['a port', '192.0.2.1:80'],
    ['a blank', ' 192.0.2.1'],
    ['a prefix', '192.0.2.0/24'],
    ['hexadecimal octets', '0xc0.0.2.1'],
    ['brackets', '[::1]'],
    ['a zone', 'fe80::1%eth0'],
    ['two gaps', '1::2::3'],
    ['three colons', ':::'],
    ['a leading colon', ':1:2:3:4:5:6:7'],
    ['a trailing colon', '1:2:3:4:5:6:7:'],
    ['seven groups', '1:2:3:4:5:6:7'],
    ['nine groups', '1:2:3:4:5:6:7:8:9'],
    ['eight groups and a gap', '1:2:3:4::5:6:7:8'],
    ['a group of five digits', '::12345'],
    ['an embedded IPv4 address that does not end it', '::192.0.2.1:1'],
    ['an embedded IPv4 address with too many groups', '1:2:3:4:5:6:7:192.0.2.1'],
    ['a text', 'unknown'],
    ['fullwidth digits', '１92.0.2.1'],
  ])('%s is no address', (_, text) => {
    expect(canonicalIp(text)).toBeUndefined();
  });

  it('accepts what node:net accepts but for zones and leading zeros, and is idempotent', () => {
    const piece = fc.constantFrom('0', '1', 'ff', ':', '::', '.', '255', 'ffff', '192.0.2.1', 'g');
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.array(piece, { maxLength: 10 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (address) => {
        const canonical = canonicalIp(address);
        expect(canonical !== undefined).toBe(isIP(address) !== 0);
        if (canonical !== undefined) expect(canonicalIp(canonical)).toBe(canonical);
      }),
      { numRuns: 3000 },
    );
  });

  it('spells IPv6 as the URL parser does', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const ip = parseIp(address);
        if (ip?.family === 6)
          expect(`[${canonicalIp(address)}]`).toBe(new URL(`http://[${address}]`).hostname);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('parseCidr', () => {
  it.each([
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.7', '192.0.2.7/32'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['::1', '::1/128'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['::ffff:192.0.2.7', '192.0.2.7/32'],
  ])('%s is %s', (text, canonical) => {
    expect(cidr(text).text).toBe(canonical);
  });

  it.each([
    [
      '10.0.0.5/8',
      '"10.0.0.5/8" has address bits set beyond its prefix of 8 bits.',
      'Write 10.0.0.0/8 for the range, or 10.0.0.5/32 for the address alone.',
    ],
    [
      '2001:db8::1/32',
      '"2001:db8::1/32" has address bits set beyond its prefix of 32 bits.',
      'Write 2001:db8::/32 for the range, or 2001:db8::1/128 for the address alone.',
    ],
    [
      '192.0.2.0/33',
      '"192.0.2.0/33" has no prefix length from 0 to 32 after the slash.',
      'Write 192.0.2.0/32 for this address alone, or a shorter prefix for a range.',
    ],
    [
      '192.0.2.0/',
      '"192.0.2.0/" has no prefix length from 0 to 32 after the slash.',
      'Write 192.0.2.0/32 for this address alone, or a shorter prefix for a range.',
    ],
    [
      '192.0.2.0/024',
      '"192.0.2.0/024" has no prefix length from 0 to 32 after the slash.',
      'Write 192.0.2.0/32 for this address alone, or a shorter prefix for a range.',
    ],
    [
      '::ffff:10.0.0.0/104',
      '"::ffff:10.0.0.0/104" is an IPv4-mapped range, but such clients are seen with their IPv4 address.',
      'Write 10.0.0.0/8.',
    ],
    [
      'intranet',
      '"intranet" is not an IP address or a CIDR range.',
      'Write an address such as 192.0.2.7, or a range such as 192.0.2.0/24 or 2001:db8::/32.',
    ],
  ])('%s is refused with the right spelling', (text, problem, fix) => {
    expect(parseCidr(text)).toEqual({ problem, fix });
  });
});

describe('containsIp', () => {
  it.each([
    ['the first address of a range', ['192.0.2.0/24'], '192.0.2.0', true],
    ['the last address of a range', ['192.0.2.0/24'], '192.0.2.255', true],
    ['the address after a range', ['192.0.2.0/24'], '192.0.3.0', false],
    ['a range that splits a byte', ['10.0.0.128/25'], '10.0.0.127', false],
    ['a high first bit', ['128.0.0.0/1'], '255.0.0.1', true],
    ['the second of two ranges', ['10.0.0.0/8', '2001:db8::/48'], '2001:db8:0:ffff::1', true],
    ['an IPv6 range that splits a group', ['2001:db8:8000::/33'], '2001:db8:7fff::', false],
    ['every IPv4 address', ['0.0.0.0/0'], '203.0.113.9', true],
    ['no IPv4 address in every IPv6 address', ['::/0'], '203.0.113.9', false],
    ['an IPv4-mapped address in an IPv4 range', ['192.0.2.0/24'], '::ffff:192.0.2.9', true],
    ['no text that is no address', ['0.0.0.0/0', '::/0'], 'unknown', false],
    ['nothing without ranges', [], '192.0.2.1', false],
  ])('%s', (_, ranges, address, expected) => {
    expect(containsIp(ranges.map(cidr), address)).toBe(expected);
  });

  it('agrees with the block list of node:net', () => {
    const network = fc.oneof(
      fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
      fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
    );
    fc.assert(
      fc.property(network, fc.oneof(fc.ipV4(), fc.ipV6()), fc.boolean(), ([base, bits], other, near) => {
        const ip = parseIp(base);
        fc.pre(ip !== undefined && (ip.family === 6 || !base.includes(':')));
        const result = parseCidr(`${base}/${bits}`);
        // The problem of a range with host bits tells the right spelling, which must read.
        const text =
          'cidr' in result ? result.cidr.text : (/^Write (\S+) for the range/.exec(result.fix)?.[1] ?? '');
        const [start = ''] = text.split('/');
        const list = new BlockList();
        list.addSubnet(start, bits, ip?.family === 4 ? 'ipv4' : 'ipv6');
        const address = canonicalIp(near ? base : other) ?? '';
        const family = address.includes(':') ? 'ipv6' : 'ipv4';
        // node:net puts IPv4 into ::/0 and the like; here the families are apart.
        fc.pre(family === (ip?.family === 4 ? 'ipv4' : 'ipv6'));
        expect(containsIp([cidr(text)], address)).toBe(list.check(address, family));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('limitKeyOfIp', () => {
  it.each([
    ['an IPv4 address is its own key', '192.0.2.1', '192.0.2.1'],
    ['an IPv4-mapped address has the key of the IPv4 address', '::ffff:192.0.2.1', '192.0.2.1'],
    ['an IPv6 address has the key of its /64', '2001:db8:1:2:aaaa:bbbb:cccc:dddd', '2001:db8:1:2::/64'],
    ['another address of the same /64 has the same key', '2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['the loopback address', '::1', '::/64'],
    ['what is no address shares one key', 'unix:/run/socket', 'unknown'],
  ])('%s', (_, address, key) => {
    expect(limitKeyOfIp(address)).toBe(key);
  });

  it('gives all addresses of a /64 one key, and others another', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (a, b) => {
        const [left, right] = [parseIp(a), parseIp(b)];
        fc.pre(left?.family === 6 && right?.family === 6);
        const sameNetwork = left?.words[0] === right?.words[0] && left?.words[1] === right?.words[1];
        expect(limitKeyOfIp(a) === limitKeyOfIp(b)).toBe(sameNetwork);
      }),
    );
  });
});
