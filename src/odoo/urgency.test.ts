import { describe, expect, it } from 'vitest';
import { factsOf } from '../../test/support/facts.ts';
import type { WorkClass } from '../core/work-class.ts';
import type { Workload } from '../core/workload.ts';
import { isReport, workClassOf } from './urgency.ts';

describe('how urgent a request is', () => {
  it.each<[string, string, Workload, WorkClass]>([
    ['GET', '/odoo', 'interactive', 'interactive'],
    ['POST', '/web/dataset/call_kw/res.partner/read', 'interactive', 'interactive'],
    ['POST', '/web/dataset/call_kw/res.partner/load', 'batch', 'batch'],
    ['GET', '/web/static/app.css', 'static', 'interactive'],
    ['GET', '/websocket', 'websocket', 'interactive'],
    ['GET', '/web/login', 'interactive', 'critical'],
    ['POST', '/web/login', 'interactive', 'critical'],
    ['POST', '/de/web/login', 'interactive', 'critical'],
    ['POST', '/web/login/totp', 'interactive', 'critical'],
    ['POST', '/web/session/authenticate', 'interactive', 'critical'],
    ['POST', '/payment/stripe/webhook', 'interactive', 'critical'],
    ['POST', '/payment/adyen/notification', 'interactive', 'critical'],
    ['POST', '/web/webclient/version_info', 'interactive', 'critical'],
    ['POST', '/web/webclient/translations', 'interactive', 'interactive'],
    ['GET', '/payment/pay', 'interactive', 'interactive'],
    ['POST', '/web/hook/1b4e28ba-2fa1-11d2-883f-0016d3cca427', 'interactive', 'interactive'],
    // A zone that calls all of its traffic batch has its reasons.
    ['POST', '/payment/stripe/webhook', 'batch', 'batch'],
    // Programs that log in for each call are not people who cannot get in.
    ['POST', '/jsonrpc', 'interactive', 'interactive'],
    ['POST', '/web/logins', 'interactive', 'interactive'],
  ])('%s %s of workload %s is %s', (method, path, workload, expected) => {
    expect(workClassOf(workload, factsOf(path, { method }))).toBe(expected);
  });

  it('is not for a client to say', () => {
    const fields = ['x-priority', 'critical', 'priority', 'u=0', 'x-workload', 'critical'];
    expect(workClassOf('interactive', factsOf('/odoo', { fields, query: 'class=critical' }))).toBe(
      'interactive',
    );
  });
});

describe('a report', () => {
  it.each([
    ['/report/pdf/stock.report_deliveryslip/48211', undefined, true],
    ['/report/download', undefined, true],
    ['/en/report/pdf/account.report_invoice/1', undefined, true],
    ['/stock/pdf/1', undefined, true],
    ['/my/orders/12', 'access_token=x&report_type=pdf', true],
    ['/my/orders/12', 'access_token=x&report_type=html', false],
    ['/my/orders/12', undefined, false],
    // What a report fetches itself must not wait behind reports.
    ['/report/barcode/Code128/ABC', undefined, false],
    ['/web/assets/1/web.report_assets_common.min.css', undefined, false],
    ['/odoo', undefined, false],
  ])('%s with query %s: %s', (path, query, expected) => {
    expect(isReport(factsOf(path, { query, method: 'GET' }))).toBe(expected);
  });
});
