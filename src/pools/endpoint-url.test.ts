import { describe, expect, it } from 'vitest';
import { parseEndpointUrl } from './endpoint-url.ts';

const example = 'Write http:// with a host and a port, such as http://odoo-1:8069.';
const path = 'It would be ignored: the path that the zone rules judged is the path that Odoo gets.';

describe('parseEndpointUrl', () => {
  it.each([
    ['http://odoo:8069', 'http://odoo:8069'],
    ['HTTP://Odoo_1.Example:80', 'http://odoo_1.example:80'],
    ['http://10.0.0.7:65535', 'http://10.0.0.7:65535'],
    ['http://[::1]:8069', 'http://[::1]:8069'],
  ])('reads %s', (text, url) => {
    expect(parseEndpointUrl(text)).toEqual({ url });
  });

  it.each([
    [
      'https://odoo:8069',
      '"https://odoo:8069" is an https URL.',
      'Odoo serves plain HTTP, so every connection would fail.',
      'Write http:// and the port of Odoo, or of a TLS side car beside the gateway.',
    ],
    ['odoo:8069', '"odoo:8069" is not an http URL.', 'The gateway would not know how to connect.', example],
    [
      'ws://odoo:8072',
      '"ws://odoo:8072" is not an http URL.',
      'The gateway would not know how to connect.',
      example,
    ],
    [
      'http://odoo:8069/',
      '"http://odoo:8069/" has a path, a query or a fragment.',
      path,
      'Write "http://odoo:8069".',
    ],
    [
      'http://odoo:8069?db=a',
      '"http://odoo:8069?db=a" has a path, a query or a fragment.',
      path,
      'Write "http://odoo:8069".',
    ],
    [
      'http://admin:hunter2@odoo:8069/web',
      'The endpoint URL holds a user name or a password.',
      'Odoo would not read it, and it would appear in logs and metrics.',
      example,
    ],
    [
      'http://odoo',
      '"http://odoo" names no port.',
      'The gateway would connect to port 80, where Odoo does not listen by default.',
      'Write the port, such as "http://odoo:8069".',
    ],
    [
      'http://[::1]',
      '"http://[::1]" names no port.',
      'The gateway would connect to port 80, where Odoo does not listen by default.',
      'Write the port, such as "http://[::1]:8069".',
    ],
    ...['0', '65536', '', '80a', '0x50'].map((port): [string, string, string, string] => [
      `http://odoo:${port}`,
      `"${port}" is not a port.`,
      'The gateway could not connect.',
      'Write a port from 1 to 65535, such as 8069.',
    ]),
    ...['', 'a b', 'odoo..example', '-odoo-', '[odoo]', '::1', 'odöo'].map(
      (host): [string, string, string, string] => [
        `http://${host}:8069`,
        `"${host}" is not a host name or an address.`,
        'The gateway could not find the endpoint.',
        'Write a host name, an IPv4 address, or an IPv6 address in brackets.',
      ],
    ),
  ])('refuses %s', (text, what, consequence, fix) => {
    expect(parseEndpointUrl(text)).toEqual({ fault: { what, consequence, fix } });
  });
});
