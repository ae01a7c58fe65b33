import { canonicalise } from '../../src/decide/canonicalise.ts';
import type { Difference, Message } from './reading.ts';

/** A difference that is right, and why. */
export interface JustifiedDifference {
  what: string;
  why: string;
  of: 'requests' | 'answers' | 'both';
  /** A stream with this difference; of requests, unless it is of answers alone. */
  example: string;
  applies(difference: Difference, text: string): boolean;
}

/** All differences that are right. A test holds each of them to its example. */
export const justifiedDifferences: readonly JustifiedDifference[] = [
  {
    what: 'a method that llhttp does not know, or knows of another protocol',
    why: 'Methods are extensible (RFC 9110 §9.1), and a token is the same to everybody. No policy passes this one.',
    of: 'requests',
    example: 'FOO / HTTP/1.1\r\nHost: a\r\n\r\n',
    applies: ({ what, ours }) =>
      /^llhttp does not take it \(HPE_INVALID_(METHOD|URL|CONSTANT|VERSION)\)$/.test(what) &&
      verdictOn(ours) === 'method_not_supported',
  },
  {
    what: 'a target of a form that llhttp does not know',
    why: 'The transport asks for one word in the request line (RFC 9112 §3.2). No policy passes this one.',
    of: 'requests',
    example: 'GET odoo HTTP/1.1\r\nHost: a\r\n\r\n',
    applies: ({ what, ours }) =>
      what === 'llhttp does not take it (HPE_INVALID_URL)' && targetRefusals.has(verdictOn(ours)),
  },
  {
    what: 'a request behind an upgrade that is none for us',
    why: 'A server may pass over an Upgrade, and reads HTTP on then (RFC 9110 §7.8). llhttp stops at each of them.',
    of: 'requests',
    example:
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    applies: ({ what }) => what === 'llhttp does not take it (another protocol follows)',
  },
  {
    what: 'a tab behind `chunked`',
    why: 'Blanks around a value are SP or HTAB and no part of it (RFC 9110 §5.5, §5.6.3). To llhttp this tab is a part.',
    of: 'both',
    example: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n',
    applies: ({ ours }, text) => isChunked(ours) && tabBehindChunked.test(text),
  },
  {
    what: 'a trailer that in a head would frame the body or end the connection',
    why: 'Trailers are checked and dropped, and never become fields (RFC 9110 §6.5.1). llhttp reads it like one of the head.',
    of: 'both',
    example: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n',
    applies: ({ what }, text) => trailerRefusal.test(what) && framingTrailer.test(text),
  },
  {
    what: 'an answer behind a 1xx that says the connection ends',
    why: 'A 1xx is never the last (RFC 9110 §15.2), so what it says of the connection, by version or field, comes too early.',
    of: 'answers',
    example: 'HTTP/1.0 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    applies: ({ what }, text) =>
      what === 'llhttp does not take it (HPE_CLOSED_CONNECTION)' && /^HTTP\/1\.[01] 1\d\d/.test(text),
  },
];

const tabBehindChunked = /\r\nTransfer-Encoding:[ \t]*chunked[ \t]*\t[ \t]*\r\n/i;
const trailerRefusal =
  /\((HPE_(INVALID|UNEXPECTED)_(CONTENT_LENGTH|TRANSFER_ENCODING)|HPE_CLOSED_CONNECTION|another protocol follows)\)$/;
const framingTrailer =
  /\r\n0+(;[^\r]*)?\r\n([^\r]+\r\n)*(Content-Length|Transfer-Encoding|(Proxy-)?Connection|Upgrade):/i;

function isChunked(message: Message | undefined): boolean {
  return message?.fields.includes('transfer-encoding') === true;
}

const targetRefusals: ReadonlySet<string> = new Set(['target_invalid', 'path_ambiguous']);

/** Why every policy refuses a request with this method and target, or an empty text. */
function verdictOn(message: Message | undefined): string {
  const [method = '', target = ''] = message?.start.split(' ') ?? [];
  const fields = ['host', 'acme.erp.example'];
  const plain = {
    scheme: 'http',
    listener: '',
    requestId: '',
    peerAddress: '',
    forwardedByPeer: false,
  } as const;
  const verdict = canonicalise({ ...plain, method, target, fields }, []);
  return typeof verdict === 'string' ? verdict : '';
}

/** `bytes` are the stream in which the difference is. */
export function findJustification(
  of: 'requests' | 'answers',
  difference: Difference,
  bytes: Buffer,
): JustifiedDifference | undefined {
  const text = bytes.toString('latin1');
  return justifiedDifferences.find(
    (one) => (one.of === of || one.of === 'both') && one.applies(difference, text),
  );
}
