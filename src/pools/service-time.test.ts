import { describe, expect, it } from 'vitest';
import { RunningMedian, ServiceTimes } from './service-time.ts';
import { StandingQueue } from './standing-queue.ts';

describe('ServiceTimes', () => {
  it('guess a fifth of a second for what they have not seen', () => {
    const times = new ServiceTimes();
    expect(times.meanMs(times.placeOf('acme', 'stock.picking/read'))).toBe(200);
  });

  it('learn tenants and routes apart', () => {
    const times = new ServiceTimes();
    const slow = times.placeOf('acme', 'stock.picking/button_validate');
    for (let i = 0; i < 30; i++) times.learn(slow, 4_000);
    expect(times.meanMs(slow)).toBeCloseTo(4_000, -1);
    expect(times.meanMs(times.placeOf('acme', 'stock.picking/read'))).toBe(200);
    expect(times.meanMs(times.placeOf('beta', 'stock.picking/button_validate'))).toBe(200);
  });

  it('take a call for the text of its names', () => {
    const times = new ServiceTimes();
    const place = times.placeOf('acme', { model: 'stock.picking', method: 'button_validate' });
    expect(place).toBe(times.placeOf('acme', 'stock.picking/button_validate'));
    expect(times.placeOf('acme', { model: 'stock.picking', method: 'read' })).not.toBe(place);
    expect(times.placeOf('acme', { model: 'sale.order', method: 'button_validate' })).not.toBe(place);
  });

  it('take what stands behind the second segment of a path for ids', () => {
    const times = new ServiceTimes();
    const place = times.placeOf('acme', '/report/pdf/stock.report_deliveryslip/48211');
    expect(times.placeOf('acme', '/report/pdf/account.report_invoice/1,2,3')).toBe(place);
    expect(times.placeOf('acme', '/report/html/account.report_invoice/1')).not.toBe(place);
    expect(times.placeOf('acme', '/report/pdf')).toBe(place);
    expect(times.placeOf('acme', '/report/pdf/')).toBe(place);
    expect(times.placeOf('acme', '/report')).not.toBe(place);
  });
});

describe('RunningMedian', () => {
  it('is near the middle of what it was told, however far the rest is', () => {
    const median = new RunningMedian();
    expect(median.valueMs).toBe(0);
    for (let i = 0; i < 500; i++) median.add([100, 200, 60_000][i % 3] ?? 0);
    expect(median.valueMs).toBeGreaterThan(150);
    expect(median.valueMs).toBeLessThan(260);
  });

  it('follows when everything becomes slower', () => {
    const median = new RunningMedian();
    for (let i = 0; i < 50; i++) median.add(100);
    for (let i = 0; i < 50; i++) median.add(5_000);
    expect(median.valueMs).toBeGreaterThan(4_000);
  });
});

describe('StandingQueue', () => {
  it('stands when nobody at its head waited less than the target for four targets', () => {
    const queue = new StandingQueue();
    queue.observe(0, 600, 500);
    queue.observe(1_999, 900, 500);
    expect(queue.stands).toBe(false);
    queue.observe(2_000, 900, 500);
    expect(queue.stands).toBe(true);
  });

  it('does not stand after a moment in which the wait was short', () => {
    const queue = new StandingQueue();
    queue.observe(0, 600, 500);
    queue.observe(1_000, 400, 500);
    queue.observe(2_000, 900, 500);
    expect(queue.stands).toBe(false);
    queue.observe(4_000, 900, 500);
    expect(queue.stands).toBe(true);
    queue.observe(4_100, 100, 500);
    queue.observe(6_000, 900, 500);
    expect(queue.stands).toBe(false);
  });

  it('begins anew when it is empty', () => {
    const queue = new StandingQueue();
    queue.observe(0, 600, 500);
    queue.observe(2_000, 900, 500);
    queue.clear();
    expect(queue.stands).toBe(false);
    queue.observe(10_000, 0, 500);
    queue.observe(12_000, 900, 500);
    expect(queue.stands).toBe(false);
  });
});
