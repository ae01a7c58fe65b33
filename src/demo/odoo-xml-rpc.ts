import type { RpcAnswer } from './odoo-rpc.ts';

/**
 * The XML-RPC port: `authenticate` gives a user id, or false for a wrong password; every other call with a wrong password is a
 * fault, whose code is a number on `/xmlrpc/2` and a text on `/xmlrpc` (addons/rpc/controllers/xmlrpc.py). The text has the
 * line breaks that Python's xmlrpc.client writes.
 */
export function answerXmlRpc(body: Buffer, route: string): RpcAnswer {
  const text = body.toString();
  const wrong = /<(?:string|value)>wrong/.test(text);
  if (!wrong) return xml(result('<int>2</int>'));
  if (route.endsWith('/common')) return xml(result('<boolean>0</boolean>'));
  return xml(fault(route.startsWith('/xmlrpc/2/') ? '<int>3</int>' : '<string>AccessDenied</string>'));
}

function xml(body: string): RpcAnswer {
  return { status: 200, contentType: 'text/xml; charset=utf-8', body: `<?xml version='1.0'?>\n${body}` };
}

function result(value: string): string {
  return `<methodResponse>\n<params>\n<param>\n<value>${value}</value>\n</param>\n</params>\n</methodResponse>\n`;
}

function fault(code: string): string {
  const members = `${member('faultCode', code)}${member('faultString', '<string>Access Denied</string>')}`;
  return `<methodResponse>\n<fault>\n<value><struct>\n${members}</struct></value>\n</fault>\n</methodResponse>\n`;
}

function member(name: string, value: string): string {
  return `<member>\n<name>${name}</name>\n<value>${value}</value>\n</member>\n`;
}
