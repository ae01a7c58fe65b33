import assert from 'node:assert/strict';
import { readCallKw, readJson2Size, readJsonRpc, readXmlRpc } from '../src/odoo/read-rpc.ts';
import { describeBed, renderBed, renderTable, writeResult } from './report.ts';
import { spreadOf } from './statistics.ts';

// What it costs to read the Odoo call in a body: `node bench/calls.ts`. Beside it what JSON.parse takes for the same bytes, which
// builds everything, and tells neither equal keys nor more than one meaning.

const batch = 2_000;
const rounds = 60;
const warmUpRounds = 20;

const context = {
  lang: 'de_DE',
  tz: 'Europe/Berlin',
  uid: 8,
  allowed_company_ids: [1, 2],
  bin_size: true,
  params: { action: 341, model: 'stock.picking', view_type: 'list', cids: '1-2' },
};
const domain = [
  ['picking_type_code', '=', 'outgoing'],
  ['state', 'in', ['confirmed', 'assigned', 'waiting']],
  ['scheduled_date', '<', '2026-11-23 00:00:00'],
];
const specification = Object.fromEntries(
  ['name', 'partner_id', 'location_id', 'scheduled_date', 'origin', 'state', 'company_id', 'priority'].map(
    (field) => [field, field.endsWith('_id') ? { fields: { display_name: {} } } : {}],
  ),
);
const page = { domain, specification, limit: 80, offset: 0, order: 'priority desc, scheduled_date', context };

const callKw = sized(1024, (padding) => ({
  id: 7,
  jsonrpc: '2.0',
  method: 'call',
  params: {
    model: 'stock.picking',
    method: 'web_search_read',
    args: [],
    kwargs: { ...page, context: { ...context, padding } },
  },
}));
const jsonRpc = sized(1024, (padding) => ({
  jsonrpc: '2.0',
  method: 'call',
  params: {
    service: 'object',
    method: 'execute_kw',
    args: [
      'nordfracht',
      12,
      'f00dcafef00dcafe',
      'stock.picking',
      'search_read',
      [domain],
      { limit: 80, padding },
    ],
  },
  id: 1,
}));
const json2 = sized(1024, (padding) => ({ ...page, context: { ...context, padding } }));
const large = sized(256 * 1024, (padding) => ({
  params: {
    model: 'ir.attachment',
    method: 'create',
    args: [[{ name: 'scan.pdf', datas: padding }]],
    kwargs: {},
  },
}));
const xmlRpc = writeXml(1024);

const cases: { name: string; body: Buffer; read: (body: Buffer) => unknown; expected: object }[] = [
  {
    name: 'call_kw, 1 KiB',
    body: callKw,
    read: readCallKw,
    expected: { model: 'stock.picking', method: 'web_search_read', records: undefined, limit: 80 },
  },
  {
    name: 'JSON-RPC, 1 KiB',
    body: jsonRpc,
    read: readJsonRpc,
    expected: {
      service: 'object',
      method: 'execute_kw',
      heads: ['nordfracht', 12, 'f00dcafef00dcafe', 'stock.picking', 'search_read'],
      records: undefined,
      limit: 80,
    },
  },
  { name: 'JSON-2, 1 KiB', body: json2, read: readJson2Size, expected: { records: undefined, limit: 80 } },
  {
    name: 'XML-RPC, 1 KiB',
    body: xmlRpc,
    read: (body) => readXmlRpc('object', body),
    expected: {
      service: 'object',
      method: 'execute_kw',
      heads: ['nordfracht', 12, 'key', 'stock.picking', 'read'],
      records: 9,
      limit: undefined,
    },
  },
  {
    name: 'call_kw, 256 KiB',
    body: large,
    read: readCallKw,
    expected: { model: 'ir.attachment', method: 'create', records: 1, limit: undefined },
  },
];

const bed = describeBed({ contender: undefined, peers: undefined });
const results = cases.map(({ name, body, read, expected }) => {
  assert.deepEqual(read(body), expected, name);
  const own = timeReading(body, read);
  const floor = name.startsWith('XML')
    ? undefined
    : timeReading(body, (bytes) => JSON.parse(bytes.toString()));
  return { name, bytes: body.length, own, floor };
});
const rows = results.map(({ name, own, floor }) => [
  name,
  own.median.toFixed(0),
  own.min.toFixed(0),
  own.max.toFixed(0),
  floor?.median.toFixed(0) ?? '',
]);
console.log(renderBed(bed).split('\n')[0]);
console.log(`${rounds} rounds\n`);
console.log(renderTable(['ns for one body', 'median', 'min', 'max', 'JSON.parse'], rows));
console.log(`\nwritten to ${writeResult('calls', { ...bed, results })}`);

function timeReading(body: Buffer, read: (body: Buffer) => unknown) {
  const count = Math.max(20, Math.floor((batch * 1024) / body.length));
  const samples: number[] = [];
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) read(body);
    const ns = Number(process.hrtime.bigint() - start) / count;
    if (round >= warmUpRounds) samples.push(ns);
  }
  return spreadOf(samples);
}

/** A body of so many bytes. */
function sized(bytes: number, build: (padding: string) => unknown): Buffer {
  const empty = Buffer.byteLength(JSON.stringify(build('')));
  return Buffer.from(JSON.stringify(build('x'.repeat(Math.max(0, bytes - empty)))));
}

function writeXml(bytes: number): Buffer {
  const param = (value: string): string => `<param><value>${value}</value></param>\n`;
  const ids = Array.from({ length: 9 }, (_, i) => `<value><int>${48_211 + i}</int></value>`).join('');
  const build = (padding: string): string =>
    `<?xml version='1.0'?>\n<methodCall>\n<methodName>execute_kw</methodName>\n<params>\n${[
      '<string>nordfracht</string>',
      '<int>12</int>',
      '<string>key</string>',
      '<string>stock.picking</string>',
      '<string>read</string>',
      `<array><data><value><array><data>${ids}</data></array></value></data></array>`,
      `<struct><member><name>fields</name><value><array><data><value><string>${padding}</string></value></data></array></value></member></struct>`,
    ]
      .map(param)
      .join('')}</params>\n</methodCall>\n`;
  return Buffer.from(build('x'.repeat(Math.max(0, bytes - Buffer.byteLength(build(''))))));
}
