import { connect } from 'node:net';

/** An HTTP answer as it came over the wire. */
export interface RawAnswer {
  status: number;
  /** Lower-case names; repeated fields joined with `, `. */
  fields: Record<string, string>;
  body: string;
  /** Everything that was received. */
  text: string;
}

/**
 * Sends bytes to a loopback port and reads until the peer closes, or, when `until` says so, until enough has come. Rejects
 * after `timeoutMs`, so that a test of something that must not hang fails instead of hanging.
 */
export function exchangeBytes(
  port: number,
  bytes: string | Buffer,
  { until, timeoutMs = 5_000 }: { until?: (received: string) => boolean; timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after ${timeoutMs} ms; received: ${JSON.stringify(received)}`));
    }, timeoutMs);
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(received);
    };
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(bytes, 'latin1'));
    socket.on('data', (text: string) => {
      received += text;
      if (until?.(received) === true) finish();
    });
    socket.on('close', finish);
    socket.on('error', finish);
  });
}

/** Sends one request and reads its answer; the connection is closed by `Connection: close`. */
export async function sendRequest(
  port: number,
  {
    method = 'GET',
    target,
    headers = {},
    body,
  }: { method?: string; target: string; headers?: Record<string, string>; body?: string },
): Promise<RawAnswer> {
  let head = `${method} ${target} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  if (body !== undefined) head += `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return parseAnswer(await exchangeBytes(port, `${head}Connection: close\r\n\r\n${body ?? ''}`));
}

/** Reads the first answer in what came over the wire; a chunked body is joined. */
export function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const lines = text.slice(0, Math.max(end, 0)).split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(lines[0] ?? '')?.[1] ?? 0);
  const fields: Record<string, string> = {};
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`;
  }
  const rest = end === -1 ? '' : text.slice(end + 4);
  const body = fields['transfer-encoding'] === 'chunked' ? joinChunks(rest) : rest;
  return { status, fields, body, text };
}

function joinChunks(text: string): string {
  let body = '';
  let at = 0;
  for (;;) {
    const line = text.indexOf('\r\n', at);
    const size = line === -1 ? 0 : Number.parseInt(text.slice(at, line), 16);
    if (!(size > 0)) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}
