import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearestName } from './nearest-name.ts';

describe('nearestName', () => {
  it.each([
    ['keycloack', ['partners', 'keycloak'], 'keycloak'],
    ['kyecloak', ['keycloak'], 'keycloak'],
    ['clockskew', ['clockSkew'], 'clockSkew'],
    ['isuer', ['issuers', 'issuer'], 'issuer'],
    ['odoo-interactiv-pools', ['odoo-interactive-pool'], 'odoo-interactive-pool'],
    ['ca', ['cb'], 'cb'],
    ['id', ['xy'], undefined],
    ['jwt', ['any'], undefined],
    ['keycloak', ['partners'], undefined],
    ['keycloak', [], undefined],
    ['', ['ab'], undefined],
    ['rate', ['rats', 'rata'], 'rats'],
  ])('%j among %j means %j', (word, candidates, nearest) => {
    expect(nearestName(word, candidates)).toBe(nearest);
  });

  it('finds a name again after two neighbours were swapped or one letter was lost', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{4,20}$/), fc.nat(18), (name, at) => {
        const i = at % (name.length - 1);
        const swapped = name.slice(0, i) + name.charAt(i + 1) + name.charAt(i) + name.slice(i + 2);
        const lost = name.slice(0, i) + name.slice(i + 1);
        expect(nearestName(swapped, ['0000', name])).toBe(name);
        expect(nearestName(lost, ['0000', name])).toBe(name);
      }),
    );
  });
});
