// hot path: client addresses are compared with CIDR lists and turned into limit keys for every request.

import { ownText } from './own-text.ts';

/** An IP address. IPv4-mapped IPv6 addresses are IPv4, so that one client has one spelling. */
export interface Ip {
  family: 4 | 6;
  /** 32-bit unsigned words, most significant first: one for IPv4, four for IPv6. */
  words: readonly number[];
}

/** A network with no bits set beyond its prefix. */
export interface Cidr {
  family: 4 | 6;
  words: readonly number[];
  prefixBits: number;
  /** Canonical text, always with the prefix length. */
  text: string;
}

/** `problem` says what is wrong with the text and `fix` what to write instead, one full sentence each. */
export type CidrResult = { cidr: Cidr } | { problem: string; fix: string };

/** Groups of the IPv6 address at hand; nothing here waits, so one is enough. */
const scratch = new Uint16Array(8);

/**
 * Reads an address strictly: four decimal octets without leading zeros, or RFC 4291 §2.2 text. No port, brackets, zone
 * index, prefix or blanks.
 */
export function parseIp(text: string): Ip | undefined {
  if (text.length > 45) return undefined;
  const known = knownIps.get(text);
  if (known !== undefined) return known;
  const ip = text.includes(':') ? parseIpv6(text) : readIpv4(text);
  if (ip === undefined) return undefined;
  if (knownIps.size >= maxKnownIps) knownIps.clear();
  knownIps.set(ownText(text), ip);
  return ip;
}

function readIpv4(text: string): Ip | undefined {
  const word = parseIpv4(text, 0);
  return word < 0 ? undefined : { family: 4, words: [word] };
}

const maxKnownIps = 4_096;
/** A request asks four times for the address of its client, and most clients ask again. */
const knownIps = new Map<string, Ip>();

/** RFC 5952 text of an address, IPv4-mapped ones as IPv4; undefined when the text is no address. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  if (ip === undefined) return undefined;
  // The strict form of IPv4 has one spelling.
  return ip.family === 4 && !text.includes(':') ? text : formatIp(ip);
}

/** Reads `address/prefix`; a bare address is a network of that address alone. */
export function parseCidr(text: string): CidrResult {
  const slashAt = text.indexOf('/');
  const ip = parseIp(slashAt === -1 ? text : text.slice(0, slashAt));
  if (ip === undefined)
    return {
      problem: `"${text}" is not an IP address or a CIDR range.`,
      fix: 'Write an address such as 192.0.2.7, or a range such as 192.0.2.0/24 or 2001:db8::/32.',
    };
  const maxBits = ip.family === 4 ? 32 : 128;
  const address = formatIp(ip);
  const bitsText = slashAt === -1 ? String(maxBits) : text.slice(slashAt + 1);
  const prefixBits = /^(?:0|[1-9]\d{0,2})$/.test(bitsText) ? Number.parseInt(bitsText, 10) : -1;
  if (slashAt !== -1 && ip.family === 4 && text.includes(':'))
    return {
      problem: `"${text}" is an IPv4-mapped range, but such clients are seen with their IPv4 address.`,
      fix: `Write ${formatNetwork(ip, Math.max(0, Math.min(32, prefixBits - 96)))}.`,
    };
  if (prefixBits < 0 || prefixBits > maxBits)
    return {
      problem: `"${text}" has no prefix length from 0 to ${maxBits} after the slash.`,
      fix: `Write ${address}/${maxBits} for this address alone, or a shorter prefix for a range.`,
    };
  const words = maskWords(ip, prefixBits);
  if (words.some((word, i) => word !== ip.words[i]))
    return {
      problem: `"${text}" has address bits set beyond its prefix of ${prefixBits} bits.`,
      fix: `Write ${formatNetwork(ip, prefixBits)} for the range, or ${address}/${maxBits} for the address alone.`,
    };
  return {
    cidr: { family: ip.family, words, prefixBits, text: `${address}/${prefixBits}` },
  };
}

/** Whether an address lies in one of the ranges; false for a text that is no address. IPv4 is never in an IPv6 range. */
export function containsIp(cidrs: readonly Cidr[], address: string): boolean {
  if (cidrs.length === 0) return false;
  const ip = parseIp(address);
  if (ip === undefined) return false;
  for (const cidr of cidrs) {
    if (cidr.family === ip.family && inRange(cidr, ip.words)) return true;
  }
  return false;
}

/**
 * The key under which a client address is limited: IPv4 as it is, IPv6 as its /64, since one client can take any address
 * of its /64. Everything that is no address shares the key `unknown`.
 */
export function limitKeyOfIp(address: string): string {
  const ip = parseIp(address);
  if (ip === undefined) return 'unknown';
  if (ip.family === 4) return address.includes(':') ? formatIp(ip) : address;
  return `${formatWords(ip.words[0] ?? 0, ip.words[1] ?? 0, 0, 0)}/64`;
}

/** RFC 5952 text of an address. */
export function formatIp(ip: Ip): string {
  const { words } = ip;
  if (ip.family === 4) return formatIpv4(words[0] ?? 0);
  return formatWords(words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0);
}

function formatWords(a: number, b: number, c: number, d: number): string {
  scratch[0] = a >>> 16;
  scratch[1] = a & 0xffff;
  scratch[2] = b >>> 16;
  scratch[3] = b & 0xffff;
  scratch[4] = c >>> 16;
  scratch[5] = c & 0xffff;
  scratch[6] = d >>> 16;
  scratch[7] = d & 0xffff;
  // RFC 5952 §4.2: the longest run of at least two zero groups is shortened, the first one when they tie.
  let bestStart = 8;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && scratch[end] === 0) end++;
    if (end - start > bestLength) {
      bestStart = start;
      bestLength = end - start;
    }
    if (end > start) start = end;
  }
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === bestStart) {
      text += '::';
      i += bestLength - 1;
    } else {
      if (i > 0 && i !== bestStart + bestLength) text += ':';
      text += (scratch[i] ?? 0).toString(16);
    }
  }
  return text;
}

function formatNetwork(ip: Ip, prefixBits: number): string {
  return `${formatIp({ family: ip.family, words: maskWords(ip, prefixBits) })}/${prefixBits}`;
}

function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

function maskOf(wordIndex: number, prefixBits: number): number {
  const bits = prefixBits - wordIndex * 32;
  // A shift by 32 is a shift by 0 in JavaScript, so both ends are cases of their own.
  return bits >= 32 ? 0xffffffff : bits <= 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}

function maskWords(ip: Ip, prefixBits: number): number[] {
  return ip.words.map((word, i) => (word & maskOf(i, prefixBits)) >>> 0);
}

function inRange(cidr: Cidr, words: readonly number[]): boolean {
  for (let i = 0; i < words.length && i * 32 < cidr.prefixBits; i++) {
    if (((words[i] ?? 0) & maskOf(i, cidr.prefixBits)) >>> 0 !== cidr.words[i]) return false;
  }
  return true;
}

/** The address as one unsigned word, from `start` to the end of the text; -1 when it does not read. */
function parseIpv4(text: string, start: number): number {
  let word = 0;
  let octet = -1;
  let octets = 1;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (octet < 0 || ++octets > 4) return -1;
      word = word * 256 + octet;
      octet = -1;
    } else if (code >= 0x30 && code <= 0x39) {
      // "010" is 8 for some parsers and 10 for others.
      if (octet === 0) return -1;
      octet = (octet < 0 ? 0 : octet * 10) + code - 0x30;
      if (octet > 255) return -1;
    } else {
      return -1;
    }
  }
  return octet < 0 || octets !== 4 ? -1 : word * 256 + octet;
}

function parseIpv6(text: string): Ip | undefined {
  const groups = scratch;
  let count = 0;
  let gapAt = -1;
  let i = 0;
  if (text.startsWith('::')) {
    gapAt = 0;
    i = 2;
  }
  while (i < text.length) {
    if (count === 8) return undefined;
    let end = i;
    let value = 0;
    while (end < text.length) {
      const digit = hexDigit(text.charCodeAt(end));
      if (digit < 0) break;
      value = value * 16 + digit;
      end++;
    }
    if (end === i || end - i > 4) return undefined;
    if (text.charCodeAt(end) === 0x2e) {
      const word = count > 6 ? -1 : parseIpv4(text, i);
      if (word < 0) return undefined;
      groups[count++] = word >>> 16;
      groups[count++] = word & 0xffff;
      break;
    }
    groups[count++] = value;
    i = end;
    if (i === text.length) break;
    if (text.charCodeAt(i) !== 0x3a) return undefined;
    i++;
    if (text.charCodeAt(i) === 0x3a) {
      if (gapAt !== -1) return undefined;
      gapAt = count;
      i++;
    } else if (i === text.length) {
      return undefined;
    }
  }
  if (gapAt === -1 ? count !== 8 : count > 7) return undefined;
  if (gapAt !== -1) {
    groups.copyWithin(8 - count + gapAt, gapAt, count);
    groups.fill(0, gapAt, 8 - count + gapAt);
  }
  const words = [wordAt(0), wordAt(2), wordAt(4), wordAt(6)];
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return mapped ? { family: 4, words: [words[3] ?? 0] } : { family: 6, words };
}

function wordAt(group: number): number {
  return ((scratch[group] ?? 0) * 0x10000 + (scratch[group + 1] ?? 0)) >>> 0;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}
