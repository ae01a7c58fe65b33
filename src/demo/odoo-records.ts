/** A few rows per model, enough to look like a warehouse; every value is made from the row's number. */

export type OdooRow = Record<string, unknown>;

const models: Record<string, (number: number) => OdooRow> = {
  'stock.picking': (n) => ({
    id: 48_200 + n,
    name: `WH/OUT/${String(n).padStart(5, '0')}`,
    state: n % 3 === 0 ? 'done' : 'assigned',
    origin: `SO${String(n).padStart(4, '0')}`,
    carrier_tracking_ref: `1Z999AA1${String(n).padStart(10, '0')}`,
    partner_id: [n, `Customer ${n}`],
    scheduled_date: '2026-01-15 08:00:00',
  }),
  'sale.order': (n) => ({
    id: n,
    name: `SO${String(n).padStart(4, '0')}`,
    state: 'sale',
    partner_id: [n, `Customer ${n}`],
    amount_total: n * 12.5,
  }),
  'product.product': (n) => ({ id: n, default_code: `P-${n}`, name: `Product ${n}`, qty_available: n * 3 }),
  'res.partner': (n) => ({ id: n, name: `Customer ${n}`, is_company: true }),
  'res.users': (n) => ({ id: n, login: `user-${n}`, name: `User ${n}` }),
  'stock.quant': (n) => ({
    id: n,
    product_id: [n, `Product ${n}`],
    quantity: n * 3,
    location_id: [8, 'WH/Stock'],
  }),
};

const rowCount = 20;

/** The result of a model method, or what Odoo says when there is no such model, method or argument. */
export type CallResult = { value: unknown } | { status: 403 | 404 | 422; name: string; message: string };

/** Calls `model.method` with keyword arguments; nothing is ever stored. */
export function callModel(model: string, method: string, args: Record<string, unknown>): CallResult {
  const makeRow = Object.hasOwn(models, model) ? models[model] : undefined;
  if (makeRow === undefined) {
    return {
      status: 404,
      name: 'werkzeug.exceptions.NotFound',
      message: `the model '${model}' does not exist`,
    };
  }
  const rows = (): OdooRow[] => Array.from({ length: rowCount }, (_, index) => makeRow(index + 1));
  switch (method) {
    case 'search_read':
    case 'web_search_read': {
      const found = rows()
        .slice(numberOr(args['offset'], 0))
        .slice(0, numberOr(args['limit'], rowCount))
        .map((row) => pick(row, args['fields']));
      return { value: method === 'search_read' ? found : { length: rowCount, records: found } };
    }
    case 'read': {
      const ids = Array.isArray(args['ids']) ? args['ids'] : [];
      return { value: ids.map((id) => ({ ...pick(makeRow(1), args['fields']), id })) };
    }
    case 'search':
      return {
        value: rows()
          .map((row) => row['id'])
          .slice(0, numberOr(args['limit'], rowCount)),
      };
    case 'search_count':
      return { value: rowCount };
    case 'name_search':
      return {
        value: rows()
          .slice(0, 8)
          .map((row) => [row['id'], row['name']]),
      };
    case 'fields_get':
      return { value: Object.fromEntries(Object.keys(makeRow(1)).map((field) => [field, { type: 'char' }])) };
    case 'create':
      return { value: [rowCount + 1] };
    case 'write':
    case 'unlink':
    case 'button_validate':
    case 'action_confirm':
    case 'action_assign':
      return Array.isArray(args['ids']) && args['ids'].length > 0
        ? { value: true }
        : { status: 422, name: 'odoo.exceptions.UserError', message: `${model}.${method} needs ids.` };
    default:
      return {
        status: 404,
        name: 'werkzeug.exceptions.NotFound',
        message: `the method '${model}.${method}' does not exist`,
      };
  }
}

function pick(row: OdooRow, fields: unknown): OdooRow {
  if (!Array.isArray(fields) || fields.length === 0) return row;
  return Object.fromEntries(Object.entries(row).filter(([name]) => name === 'id' || fields.includes(name)));
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' && value >= 0 ? value : otherwise;
}
