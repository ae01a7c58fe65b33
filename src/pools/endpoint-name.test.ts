import { describe, expect, it } from 'vitest';
import { parseEndpointName } from './endpoint-name.ts';

const odd = {
  consequence: 'No endpoint would be found under it.',
  fix: 'Write a host name and a port, such as odoo.erp.svc:8069.',
};

describe('parseEndpointName', () => {
  it.each([
    ['odoo-interactive.erp.svc:8069', { host: 'odoo-interactive.erp.svc', port: 8069 }],
    ['Odoo:80', { host: 'odoo', port: 80 }],
  ])('reads %s', (text, name) => {
    expect(parseEndpointName(text)).toEqual(name);
  });

  it.each([
    [
      'http://odoo:8069',
      {
        what: '"http://odoo:8069" is a URL.',
        consequence: 'A name would be looked up that does not exist.',
        fix: 'Write the name and the port alone, such as odoo.erp.svc:8069, or write url: for one fixed endpoint.',
      },
    ],
    [
      '10.0.0.7:8069',
      {
        what: '"10.0.0.7:8069" is an address.',
        consequence: 'There is nothing to look up.',
        fix: 'Write url: http://10.0.0.7:8069 in place of dns.',
      },
    ],
    [
      '[::1]:8069',
      {
        what: '"[::1]:8069" is an address.',
        consequence: 'There is nothing to look up.',
        fix: 'Write url: http://[::1]:8069 in place of dns.',
      },
    ],
    ['odoo', { what: '"odoo" is not a host name with a port.', ...odd }],
    ['odoo:0', { what: '"odoo:0" is not a host name with a port.', ...odd }],
    ['odoo:8069/web', { what: '"odoo:8069/web" is not a host name with a port.', ...odd }],
    ['user@odoo:8069', { what: '"user@odoo:8069" is not a host name with a port.', ...odd }],
  ])('refuses %s', (text, fault) => {
    expect(parseEndpointName(text)).toEqual({ fault });
  });
});
