/** Departments and projects as the bars of the overview. Pure. */
import { gpuTotal } from '@/pages/org-units/quotas';
import type { Unit } from '@/pages/org-units/units';
import { amount, counted } from '@/ui/quota';

export interface QuotaRow {
  id: string;
  /** Its name; with the cluster's where the name alone would be ambiguous. */
  name: string;
  /** GPUs; null is no end. */
  quota: number | null;
  /** GPUs; null where no cluster has reported. */
  allocated: number | null;
}

export interface QuotaRows {
  rows: QuotaRow[];
  /** How many of the units given have neither quota nor allocation, and are left out. */
  empty: number;
  /** Whether anything was reported as allocated, be it 0. */
  reported: boolean;
}

/** The rows of units, which keep their order. `clusters` maps ids to names. */
export function quotaRows(units: readonly Unit[], clusters: ReadonlyMap<string, string>): QuotaRows {
  const all = units.map((unit) => ({ unit, ...gpuTotal(unit) }));
  const shown = all.filter((it) => it.deserved !== 0 || (it.allocated ?? 0) > 0);
  const twice = (name: string) => shown.filter((it) => it.unit.name === name).length > 1;
  return {
    rows: shown.map(({ unit, deserved, allocated }) => {
      const cluster = clusters.get(unit.clusterId);
      return {
        id: unit.id,
        name: twice(unit.name) && cluster ? `${unit.name} · ${cluster}` : unit.name,
        quota: deserved,
        allocated,
      };
    }),
    empty: all.length - shown.length,
    reported: all.some((it) => it.allocated !== null),
  };
}

/** A row as a sentence, for people who do not see the bars. */
export function rowWords({ quota, allocated }: QuotaRow): string {
  const used = allocated === null ? 'allocation not reported' : `${amount(allocated)} allocated`;
  return `${quota === null ? 'unlimited quota' : `quota ${counted(quota, 'GPUs')}`}, ${used}`;
}
