import type { OdooRoute } from './route.ts';

/** What is heavy in every Odoo, by route (`docs/decisions.md` names the sources). */
export const shippedRoutes: ReadonlySet<OdooRoute> = new Set(['report', 'export', 'import']);

export interface ShippedEntry {
  model: string;
  methods: readonly string[];
  recordsOver?: number;
  limitOver?: number;
}

/**
 * What is heavy in every Odoo, by method: grouping over whole tables, imports, stock-wide runs, module changes. And what is heavy
 * when it is about many records: a person validates a picking or a few, reads a page, never without a limit.
 */
export const shippedMethods: readonly ShippedEntry[] = [
  {
    model: '*',
    methods: [
      'formatted_read_group',
      'formatted_read_grouping_sets',
      'web_read_group',
      'read_group',
      'export_data',
      'load',
    ],
  },
  { model: 'stock.quant', methods: ['action_apply_all', 'action_apply_inventory', 'move_quants'] },
  { model: 'stock.rule', methods: ['run_scheduler'] },
  { model: 'stock.warehouse.orderpoint', methods: ['action_replenish*'] },
  { model: 'product.replenish', methods: ['launch_replenishment'] },
  { model: 'stock.picking.batch', methods: ['action_done', 'action_assign', 'action_merge'] },
  { model: 'stock.backorder.confirmation', methods: ['process*'] },
  { model: 'base_import.import', methods: ['*'] },
  { model: 'ir.cron', methods: ['method_direct_trigger'] },
  { model: 'ir.module.module', methods: ['button_immediate_*'] },
  { model: 'base.module.upgrade', methods: ['upgrade_module'] },
  {
    model: 'stock.picking',
    methods: ['button_validate', 'action_confirm', 'action_assign', 'do_unreserve'],
    recordsOver: 5,
  },
  { model: 'sale.order', methods: ['action_confirm'], recordsOver: 5 },
  { model: 'account.move', methods: ['action_post'], recordsOver: 5 },
  { model: '*', methods: ['create', 'copy', 'unlink', 'write', 'web_save_multi'], recordsOver: 50 },
  { model: '*', methods: ['read', 'web_read'], recordsOver: 500 },
  { model: '*', methods: ['search', 'search_read', 'web_search_read'], limitOver: 1000 },
];
