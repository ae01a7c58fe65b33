/**
 * Methods that every model has and that change nothing: those that Odoo 19 itself marks with `@api.readonly`, so that a replica of
 * the database can serve them (odoo/orm/models.py, addons/web/models/models.py, addons/base/models/ir_ui_view.py), and
 * `fields_get`, which describes fields. Not `onchange`, which is marked but runs the code of modules on values that the caller
 * makes up, and gets a cursor that may write when that code tries to.
 */
export const readOnlyMethods: readonly string[] = [
  'read',
  'search',
  'search_count',
  'search_read',
  'name_search',
  'fields_get',
  'get_views',
  'read_group',
  'formatted_read_group',
  'formatted_read_grouping_sets',
  'read_progress_bar',
  'web_read',
  'web_search_read',
  'web_read_group',
  'web_name_search',
];
