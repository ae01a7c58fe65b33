/** Where an upstream listens. */
export interface Peer {
  readonly host: string;
  readonly port: number;
}

/** Reads `http://host:port`, an IPv6 address in brackets; undefined for anything else. */
export function readOrigin(text: string): Peer | undefined {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'http:' || url.hostname === '') return undefined;
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  return { host, port: url.port === '' ? 80 : Number(url.port) };
}
