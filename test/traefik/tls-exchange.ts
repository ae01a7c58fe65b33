import { connect } from 'node:tls';
import { parseAnswer, type RawAnswer } from '../support/raw-http.ts';

export interface TlsRequest {
  method?: string;
  target: string;
  /** Fields in this order, spelled as they stand; a list of values is sent as several fields. */
  headers: Readonly<Record<string, string | readonly string[]>>;
  /** Sent with a Content-Length. */
  body?: string;
  /** Sent as these chunks instead. */
  chunks?: readonly string[];
  /** Certificate chain and key of the client in PEM, or the address that it comes from. */
  tls?: { cert?: string; key?: string; localAddress?: string };
  timeoutMs?: number;
}

/** Sends one request over TLS exactly as it is written, and reads until the peer closes. Rejects when it does not in time. */
export function sendOverTls(port: number, request: TlsRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      // Traefik makes itself a certificate when it has none; who it is does not matter here.
      rejectUnauthorized: false,
      servername: 'acme.erp.example',
      ALPNProtocols: ['http/1.1'],
      ...request.tls,
    });
    let received = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end; received: ${JSON.stringify(received)}`));
    }, request.timeoutMs ?? 8_000);
    socket.setEncoding('latin1');
    socket.on('secureConnect', () => socket.write(renderRequest(request), 'latin1'));
    socket.on('data', (text: string) => (received += text));
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(parseAnswer(received));
    });
    socket.on('error', (error) => {
      clearTimeout(timer);
      if (received === '') reject(error);
    });
  });
}

function renderRequest({ method = 'GET', target, headers, body, chunks }: TlsRequest): string {
  const lines = [`${method} ${target} HTTP/1.1`];
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${one}`);
  }
  if (headers['Connection'] === undefined) lines.push('Connection: close');
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  if (chunks !== undefined) lines.push('Transfer-Encoding: chunked');
  const sized = chunks?.map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`).join('');
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}${sized === undefined ? '' : `${sized}0\r\n\r\n`}`;
}
