import type { ConfigPath } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import type { OwnFigures } from '../limits/compile-overrides.ts';
import type { TenantFileOptions, ZoneOptions } from './schema.ts';
import { locateIn, type ReadSection, type SectionReader } from './section-reader.ts';
import type { ResolvedDocument } from './secrets.ts';

/** What the files of tenants say about limits, for the zones that the limits are of. */
export class TenantFigures {
  readonly #load: SectionReader;
  readonly #byLimit = new Map<string, OwnFigures[]>();
  readonly #written: { limitId: string; path: ConfigPath; document: ResolvedDocument }[] = [];

  constructor(load: SectionReader, sections: readonly (ReadSection<TenantFileOptions> | undefined)[]) {
    this.#load = load;
    for (const section of sections) {
      if (section === undefined) continue;
      const { value, document } = section;
      const locate = locateIn(document);
      for (const [index, { id, limits }] of value.tenants.entries()) {
        for (const [limitId, authored] of Object.entries(limits)) {
          const path: ConfigPath = ['tenants', index, 'limits', limitId];
          const figures: OwnFigures = {
            tenant: id,
            authored,
            path,
            locate,
            report: (issue) => load.note(document, [issue]),
          };
          const others = this.#byLimit.get(limitId);
          if (others === undefined) this.#byLimit.set(limitId, [figures]);
          else others.push(figures);
          this.#written.push({ limitId, path, document });
        }
      }
    }
  }

  of(limitId: string): readonly OwnFigures[] {
    return this.#byLimit.get(limitId) ?? [];
  }

  /** Reports figures for limits that no zone has. A zone file that could not be read may have any. */
  checkUsed(zones: readonly (ZoneOptions | undefined)[]): void {
    const known = new Set(
      zones.flatMap((zone) => zone?.limits.map((limit) => `${zone.zone}/${limit.name}`) ?? []),
    );
    const names = new Set(zones.map((zone) => zone?.zone));
    for (const { limitId, path, document } of this.#written) {
      const [zone = ''] = limitId.split('/');
      if (known.has(limitId) || (zones.includes(undefined) && !names.has(zone))) continue;
      const nearest = nearestName(limitId, known);
      this.#load.note(document, [
        {
          path,
          what: `"${limitId}" is not a limit of any zone.`,
          consequence: 'The figures would never apply.',
          fix:
            nearest === undefined
              ? 'Write the zone, a slash and the name of one of its limits, such as partner/partner-rate.'
              : `Write ${nearest}.`,
        },
      ]);
    }
  }
}
