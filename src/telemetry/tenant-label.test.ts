import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTenantLabels } from './tenant-label.ts';

describe('the label of a tenant', () => {
  it('is its own for the first tenants, and stays so', () => {
    const labels = createTenantLabels(2);
    expect(['a', 'b', 'c', 'a', 'b', 'd'].map((tenant) => labels.of(tenant))).toEqual([
      'a',
      'b',
      'other',
      'a',
      'b',
      'other',
    ]);
    expect([labels.size(), labels.max]).toEqual([2, 2]);
  });

  it('is none without a tenant, which takes no place', () => {
    const labels = createTenantLabels(1);
    expect([labels.of(undefined), labels.size(), labels.of('a')]).toEqual(['none', 0, 'a']);
  });

  it('is other for every tenant where none may have its own', () => {
    const labels = createTenantLabels(0);
    expect([labels.of('a'), labels.of(undefined), labels.size()]).toEqual(['other', 'none', 0]);
  });

  it('takes at most max values of its own, whoever comes', () => {
    fc.assert(
      fc.property(fc.nat(5), fc.array(fc.stringMatching(/^t[0-9]{1,2}$/)), (max, tenants) => {
        const labels = createTenantLabels(max);
        const given = new Set(tenants.map((tenant) => labels.of(tenant)));
        given.delete('other');
        expect(given.size).toBe(Math.min(max, new Set(tenants).size));
        expect(labels.size()).toBe(given.size);
      }),
    );
  });
});
