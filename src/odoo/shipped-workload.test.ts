import { describe, expect, it } from 'vitest';
import { factsOf } from '../../test/support/facts.ts';
import { classifyWorkload, compileWorkload, workloadSchema } from './workload.ts';

const rules = compileWorkload(workloadSchema.parse({}), () => 'zone');
const classOf = (path: string) => classifyWorkload(rules, factsOf(path), false).workload;

describe('without a word of the zone, batch is', () => {
  it.each([
    '/report/pdf/stock.report_deliveryslip/1,2,3',
    '/report/html/stock.report_deliveryslip/1',
    '/report/text/stock.label_product/1',
    '/report/download',
    '/stock/pdf/stock.report_stock_rule',
    '/my/picking/pdf/17',
    '/my/picking/return/pdf/17',
    '/shop/print',
    '/pos/sale_details_report',
    '/account/download_invoice_documents/1,2/pdf',
    '/product/export/pricelist/',
    '/web/export/csv',
    '/web/export/xlsx',
    '/web/pivot/export_xlsx',
    '/mail/attachment/zip',
    '/base_import/set_file',
    // Odoo takes a website language off the path.
    '/de/report/pdf/stock.report_deliveryslip/1',
    '/pt_BR/my/picking/pdf/17',
  ])('%s', (path) => {
    expect(classOf(path)).toBe('batch');
  });

  it.each([
    ['stock.picking', 'formatted_read_group'],
    ['stock.picking', 'formatted_read_grouping_sets'],
    ['stock.picking', 'web_read_group'],
    ['stock.picking', 'read_group'],
    ['res.partner', 'export_data'],
    ['res.partner', 'load'],
    ['stock.quant', 'action_apply_all'],
    ['stock.quant', 'action_apply_inventory'],
    ['stock.quant', 'move_quants'],
    ['stock.rule', 'run_scheduler'],
    ['stock.warehouse.orderpoint', 'action_replenish'],
    ['stock.warehouse.orderpoint', 'action_replenish_auto'],
    ['product.replenish', 'launch_replenishment'],
    ['stock.picking.batch', 'action_done'],
    ['stock.picking.batch', 'action_assign'],
    ['stock.picking.batch', 'action_merge'],
    ['stock.backorder.confirmation', 'process'],
    ['stock.backorder.confirmation', 'process_cancel_backorder'],
    ['base_import.import', 'execute_import'],
    ['base_import.import', 'parse_preview'],
    ['ir.cron', 'method_direct_trigger'],
    ['ir.module.module', 'button_immediate_install'],
    ['ir.module.module', 'button_immediate_upgrade'],
    ['base.module.upgrade', 'upgrade_module'],
  ])('%s %s', (model, method) => {
    expect(classOf(`/json/2/${model}/${method}`)).toBe('batch');
  });
});

// What a person or a scanner waits for, and what could be mistaken for one of the above.
describe('without a word of the zone, interactive is', () => {
  it.each([
    '/report/barcode/QR/WH-OUT-1',
    '/report/check_wkhtmltopdf',
    '/web/export/get_fields',
    '/web/export/formats',
    '/base_import_module/login_upload',
    '/my/pickings',
    '/mail/attachment/upload',
    '/stock_barcode/get_barcode_data',
    '/shopfloor/api/scan',
    '/odoo',
    '/a/b/report/pdf/x/1',
  ])('%s', (path) => {
    expect(classOf(path)).toBe('interactive');
  });

  it.each([
    ['stock.picking', 'button_validate'],
    ['stock.picking', 'action_confirm'],
    ['stock.picking', 'action_assign'],
    ['stock.picking', 'action_put_in_pack'],
    ['stock.picking', 'do_unreserve'],
    ['stock.picking', 'onchange'],
    ['stock.move.line', 'write'],
    ['stock.quant', 'web_save'],
    ['product.replenish', 'default_get'],
    ['product.product', 'name_search'],
    ['res.users', 'has_group'],
    ['stock.picking', 'read_progress_bar'],
    ['stock.picking', 'web_search_read'],
    ['ir.module.module', 'search_read'],
  ])('%s %s', (model, method) => {
    expect(classOf(`/json/2/${model}/${method}`)).toBe('interactive');
  });
});
