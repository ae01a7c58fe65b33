import { describe, expect, it } from 'vitest';
import { type LoginOutcome, readLoginOutcome } from './login-outcome.ts';
import type { LoginRoute } from './login-route.ts';

function outcomeOf(
  route: LoginRoute,
  kind: 'login' | 'rpc' | 'unknown',
  answer: { status?: number; location?: string; body?: string; whole?: boolean },
): LoginOutcome {
  const { status = 200, location, body, whole = true } = answer;
  const trial = { kind, account: undefined, secret: undefined };
  return readLoginOutcome(route, trial, { status, location, head: body, whole });
}

const error = (name: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: 0, message: 'Odoo Server Error', data: { name } } });
const result = (value: unknown): string => JSON.stringify({ jsonrpc: '2.0', id: 1, result: value });

describe('the page after /web/login', () => {
  it.each<[string, { status: number; location?: string }, LoginOutcome]>([
    ['is the form again after a wrong password', { status: 200 }, 'denied'],
    ['leads into Odoo', { status: 303, location: '/odoo' }, 'accepted'],
    ['leads to the second factor', { status: 303, location: '/web/login/totp?redirect=%2Fodoo' }, 'accepted'],
    ['leads where the caller wanted', { status: 303, location: 'https://a.example/shop' }, 'accepted'],
    ['leads to the choice of a database', { status: 303, location: '/web/database/selector' }, 'unknown'],
    ['leads back to the form', { status: 303, location: 'http://a.example/web/login?x=1' }, 'unknown'],
    ['comes again because the database changed', { status: 302, location: '/web/login?db=acme' }, 'unknown'],
    ['comes again elsewhere, not because of a password', { status: 302, location: '/odoo' }, 'unknown'],
    ['leads nowhere', { status: 303 }, 'unknown'],
    ['is an expired form', { status: 400 }, 'unknown'],
    ['is a fault', { status: 500 }, 'unknown'],
  ])('%s: %j is %s', (_title, answer, outcome) => {
    expect(outcomeOf('web-login', 'login', answer)).toBe(outcome);
    expect(outcomeOf('web-totp', 'login', answer)).toBe(outcome);
  });
});

describe('the answer of /web/session/authenticate', () => {
  it.each<[string, string, LoginOutcome]>([
    ['a session', result({ uid: 2, username: 'alice' }), 'accepted'],
    ['a session that waits for the second factor', result({ uid: null }), 'accepted'],
    ['a wrong password', error('odoo.exceptions.AccessDenied'), 'denied'],
    ['a database that is not there', error('odoo.exceptions.AccessError'), 'unknown'],
    ['nothing', result(null), 'unknown'],
    ['no JSON', '<html>', 'unknown'],
  ])('%s', (_title, body, outcome) => {
    expect(outcomeOf('web-session', 'login', { body })).toBe(outcome);
  });
});

describe('the answer of /jsonrpc', () => {
  it.each<[string, 'login' | 'rpc' | 'unknown', string, LoginOutcome]>([
    ['false', 'unknown', result(false), 'denied'],
    ['access denied', 'unknown', error('odoo.exceptions.AccessDenied'), 'denied'],
    ['a number', 'unknown', result(2), 'unknown'],
    ['a user id', 'login', result(2), 'accepted'],
    ['false', 'login', result(false), 'denied'],
    ['access denied', 'login', error('odoo.exceptions.AccessDenied'), 'denied'],
    ['something else', 'login', result({}), 'unknown'],
    ['records', 'rpc', result([{ id: 1 }]), 'accepted'],
    ['false, which a method may answer', 'rpc', result(false), 'accepted'],
    ['access denied', 'rpc', error('odoo.exceptions.AccessDenied'), 'denied'],
    ['records that may not be read', 'rpc', error('odoo.exceptions.AccessError'), 'unknown'],
    ['an error of a module', 'rpc', error('builtins.KeyError'), 'unknown'],
    ['an error without data', 'rpc', '{"error":7}', 'unknown'],
    ['half an answer', 'rpc', '{"result":', 'unknown'],
  ])('%s to a %s', (_title, kind, body, outcome) => {
    expect(outcomeOf('json-rpc', kind, { body })).toBe(outcome);
  });

  it.each<[string, 'login' | 'rpc' | 'unknown', string, LoginOutcome]>([
    ['with records', 'rpc', '{"jsonrpc": "2.0", "id": 1, "result": [', 'accepted'],
    ['with records for an id of text', 'rpc', '{"jsonrpc": "2.0", "id": "r-1", "result": [', 'accepted'],
    ['with something for a login', 'login', '{"jsonrpc": "2.0", "id": null, "result": [', 'unknown'],
    ['with an error', 'rpc', '{"jsonrpc": "2.0", "id": 1, "error": {"', 'unknown'],
    ['whose id hides what it says', 'rpc', `{"jsonrpc": "2.0", "id": "${'x'.repeat(70_000)}`, 'denied'],
    [
      'whose id hides what it says by nesting',
      'login',
      '{"jsonrpc": "2.0", "id": ["a", "result": [',
      'denied',
    ],
  ])('that is too large, %s, is for a %s', (_title, kind, body, outcome) => {
    expect(outcomeOf('json-rpc', kind, { body, whole: false })).toBe(outcome);
  });

  it('that is packed, or not 200, says nothing', () => {
    expect(outcomeOf('json-rpc', 'rpc', {})).toBe('unknown');
    expect(outcomeOf('json-rpc', 'rpc', { status: 500, body: result(1) })).toBe('unknown');
  });
});

describe('the answer of XML-RPC', () => {
  const declared = "<?xml version='1.0'?>\n<methodResponse>\n";
  const value = (text: string): string =>
    `${declared}<params>\n<param>\n<value>${text}</value>\n</param>\n</params>\n</methodResponse>\n`;
  const fault = (code: string): string =>
    `${declared}<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value>${code}</value>\n</member>\n<member>\n<name>faultString</name>\n<value><string>x</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n`;

  it.each<[string, 'login' | 'rpc', string, LoginOutcome]>([
    ['a user id', 'login', value('<int>2</int>'), 'accepted'],
    ['false', 'login', value('<boolean>0</boolean>'), 'denied'],
    ['a text', 'login', value('<string>x</string>'), 'unknown'],
    ['access denied', 'login', fault('<int>3</int>'), 'denied'],
    ['records', 'rpc', value('<array><data></data></array>'), 'accepted'],
    ['false, which a method may answer', 'rpc', value('<boolean>0</boolean>'), 'accepted'],
    ['access denied', 'rpc', fault('<int>3</int>'), 'denied'],
    ['access denied in the old form', 'rpc', fault('<string>AccessDenied</string>'), 'denied'],
    ['records that may not be read', 'rpc', fault('<int>4</int>'), 'unknown'],
    ['a fault of a module', 'rpc', fault('<int>1</int>'), 'unknown'],
    ['a record that holds the text of a fault', 'rpc', value(fault('<int>3</int>')), 'accepted'],
    ['a page', 'rpc', '<html>', 'unknown'],
  ])('%s to a %s', (_title, kind, body, outcome) => {
    expect(outcomeOf('xml-rpc', kind, { body })).toBe(outcome);
    expect(outcomeOf('xml-rpc', kind, { body: body.slice(0, 250), whole: false })).toBe(outcome);
  });

  it('that is not 200 says nothing', () => {
    expect(outcomeOf('xml-rpc', 'login', { status: 500, body: fault('<int>3</int>') })).toBe('unknown');
    expect(outcomeOf('xml-rpc', 'login', {})).toBe('unknown');
  });
});

it.each<[number, LoginOutcome]>([
  [200, 'accepted'],
  [401, 'denied'],
  [403, 'unknown'],
  [404, 'unknown'],
  [500, 'unknown'],
])('JSON-2 with status %i is %s', (status, outcome) => {
  expect(outcomeOf('json-2', 'rpc', { status })).toBe(outcome);
});
