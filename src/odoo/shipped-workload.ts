/**
 * What is heavy in every Odoo, by route: reports, exports, imports (`docs/decisions.md` names the sources). Not
 * `/report/barcode`: a worker that renders a report may fetch its images, and would wait behind the reports.
 */
export const shippedRoutes: readonly string[] = [
  '/report/html/',
  '/report/pdf/',
  '/report/text/',
  '/report/download',
  '/stock/pdf/',
  '/my/picking/',
  '/shop/print',
  '/pos/sale_details_report',
  '/account/download_',
  '/product/export/pricelist/',
  '/web/export/csv',
  '/web/export/xlsx',
  '/web/pivot/export_xlsx',
  '/mail/attachment/zip',
  '/base_import/',
];

/** What is heavy in every Odoo, by method: grouping over whole tables, imports, stock-wide runs, module changes. */
export const shippedMethods: readonly { model: string; methods: readonly string[] }[] = Object.entries({
  '*': [
    'formatted_read_group',
    'formatted_read_grouping_sets',
    'web_read_group',
    'read_group',
    'export_data',
    'load',
  ],
  'stock.quant': ['action_apply_all', 'action_apply_inventory', 'move_quants'],
  'stock.rule': ['run_scheduler'],
  'stock.warehouse.orderpoint': ['action_replenish*'],
  'product.replenish': ['launch_replenishment'],
  'stock.picking.batch': ['action_done', 'action_assign', 'action_merge'],
  'stock.backorder.confirmation': ['process*'],
  'base_import.import': ['*'],
  'ir.cron': ['method_direct_trigger'],
  'ir.module.module': ['button_immediate_*'],
  'base.module.upgrade': ['upgrade_module'],
}).map(([model, methods]) => ({ model, methods }));
