// hot path: runs for every request; a lower-case host without a port costs one scan.

import { formatIp, parseIp } from './ip.ts';
import { ownText } from './own-text.ts';

export interface ParsedHost {
  /** Lower case, without port and trailing dot; an IPv6 address in brackets and canonical text. */
  host: string;
  port: number | undefined;
}

/**
 * Reads the value of a Host field, or undefined when it must be refused. Labels are 1 to 63 letters, digits, `-` and `_`,
 * with no `-` at either end; one trailing dot is dropped; the port is 1 to 65535 without leading zeros.
 *
 * Refused besides: userinfo, paths, lists, blanks, escapes, non-ASCII (before lower-casing, since U+212A lower-cases to
 * `k`), and numbers that some parsers read as an address (`127.1`, `0x7f000001`).
 */
export function parseHost(value: string): ParsedHost | undefined {
  const known = knownHosts.get(value);
  if (known !== undefined) return known;
  const parsed = readHost(value);
  if (parsed === undefined) return undefined;
  if (knownHosts.size >= maxKnownHosts) knownHosts.clear();
  knownHosts.set(ownText(value), parsed);
  return parsed;
}

const maxKnownHosts = 1_024;
/** An estate has few hosts, and each request names one. */
const knownHosts = new Map<string, ParsedHost>();

function readHost(value: string): ParsedHost | undefined {
  if (value.charCodeAt(0) === 0x5b) return parseBracketed(value);
  const length = value.length;
  let end = length;
  let labelStart = 0;
  let lastLabelStart = 0;
  let hasUpper = false;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if ((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x5f) continue;
    if (code >= 0x41 && code <= 0x5a) {
      hasUpper = true;
    } else if (code === 0x2d) {
      if (i === labelStart) return undefined;
    } else if (code === 0x2e) {
      if (!isLabelEnd(value, labelStart, i)) return undefined;
      lastLabelStart = labelStart;
      labelStart = i + 1;
    } else if (code === 0x3a) {
      end = i;
      break;
    } else {
      return undefined;
    }
  }
  let port: number | undefined;
  if (end !== length) {
    port = parsePort(value, end + 1);
    if (port === undefined) return undefined;
  }
  if (labelStart === end && end > 0) {
    end--;
    labelStart = lastLabelStart;
  } else if (!isLabelEnd(value, labelStart, end)) {
    return undefined;
  }
  if (end > 253) return undefined;
  const name = end === length ? ownText(value) : ownText(value.slice(0, end));
  const host = hasUpper ? name.toLowerCase() : name;
  if (isNumeric(host, labelStart) && parseIp(host) === undefined) return undefined;
  return { host, port };
}

function isLabelEnd(value: string, start: number, end: number): boolean {
  return end > start && end - start <= 63 && value.charCodeAt(end - 1) !== 0x2d;
}

function parsePort(value: string, start: number): number | undefined {
  const digits = value.length - start;
  if (digits < 1 || digits > 5 || value.charCodeAt(start) === 0x30) return undefined;
  let port = 0;
  for (let i = start; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return undefined;
    port = port * 10 + code - 0x30;
  }
  return port <= 65535 ? port : undefined;
}

/** Whether the last label would make a URL parser read the host as an IPv4 address. */
function isNumeric(host: string, lastLabelStart: number): boolean {
  let digitsFrom = lastLabelStart;
  if (host.charCodeAt(digitsFrom) === 0x30 && host.charCodeAt(digitsFrom + 1) === 0x78) return true;
  for (; digitsFrom < host.length; digitsFrom++) {
    const code = host.charCodeAt(digitsFrom);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function parseBracketed(value: string): ParsedHost | undefined {
  const close = value.indexOf(']');
  if (close === -1) return undefined;
  const ip = parseIp(value.slice(1, close));
  // An IPv4-mapped address in brackets would be a second spelling of an IPv4 host.
  if (ip === undefined || ip.family !== 6) return undefined;
  const host = `[${formatIp(ip)}]`;
  if (close === value.length - 1) return { host, port: undefined };
  if (value.charCodeAt(close + 1) !== 0x3a) return undefined;
  const port = parsePort(value, close + 2);
  return port === undefined ? undefined : { host, port };
}
