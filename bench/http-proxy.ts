import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import httpProxy from 'http-proxy';
import { announce } from './processes.ts';

// The proxy that most Node projects still reach for, with connections that are used again, which it does not do by itself.
// `node bench/http-proxy.ts UPSTREAM keep-alive|one-shot`.

const [upstream = '', connection = 'keep-alive'] = process.argv.slice(2);

const proxy = httpProxy.createProxyServer({
  target: upstream,
  ...(connection === 'keep-alive' ? { agent: new Agent({ keepAlive: true }) } : {}),
});
proxy.on('error', (_error, _request, response) => {
  if (response.headersSent) response.destroy();
  else response.writeHead(502).end();
});

const server = createServer({ noDelay: true }, (request, response) => proxy.web(request, response));
server.listen(0, '127.0.0.1', () => announce([(server.address() as AddressInfo).port]));
