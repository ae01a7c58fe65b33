// hot path: asked for every request that is let through.
import type { Facts } from '../core/facts.ts';
import type { WorkClass } from '../core/work-class.ts';
import type { Workload } from '../core/workload.ts';
import { findOdooRoute } from './route.ts';

/**
 * How urgent a request is where it waits for a worker. Logins and what payment providers report go first: without the one nobody
 * gets in, without the other money is not booked; and so does the question by which a browser that has lost Odoo finds out that it is
 * back: every tab polls with it until it is answered. All are known by their path alone, never by a word of the client.
 */
export function workClassOf(workload: Workload, { path, method, odoo }: Facts): WorkClass {
  if (workload === 'batch') return 'batch';
  // No route with a class of its own calls a model.
  if (workload !== 'interactive' || odoo?.service === 'object') return 'interactive';
  switch (findOdooRoute(path)) {
    case 'web-login':
    case 'web-totp':
    case 'web-session':
      return 'critical';
    case 'webhook':
      return method === 'POST' && path.includes('/payment/') ? 'critical' : 'interactive';
    default:
      return path === '/web/webclient/version_info' ? 'critical' : 'interactive';
  }
}

/**
 * Whether Odoo renders a report for this request: `wkhtmltopdf` then fetches styles and images from Odoo while the worker waits
 * (addons/base/models/ir_actions_report.py). The portal renders its pages when they are asked for as PDF.
 */
export function isReport({ path, query, odoo }: Facts): boolean {
  if (odoo === undefined && findOdooRoute(path) === 'report') return true;
  return query !== undefined && query.includes('report_type=pdf');
}
