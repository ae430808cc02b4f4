/** What a change of quotas would do, in words. Pure. */
import { amountWords, MEGABYTES, UNLIMITED } from '@/pages/org-units/quotas';
import type { Resources, WhatIf } from '@/pages/org-units/units';
import { amount, counted } from '@/ui/quota';

type Step = WhatIf['changes'][number];
type Excess = WhatIf['over'][number];

const NAMES: Readonly<Record<string, string>> = {
  'gpu.deserved': 'GPU quota',
  'gpu.limit': 'GPU limit',
  'gpu.overQuotaWeight': 'Over-quota weight',
  'cpu.deserved': 'CPU quota',
  'cpu.limit': 'CPU limit',
  'cpu.overQuotaWeight': 'CPU over-quota weight',
  'memory.deserved': 'Memory quota',
  'memory.limit': 'Memory limit',
  'memory.overQuotaWeight': 'Memory over-quota weight',
  'memory.units': 'Unit of memory',
  priority: 'Priority',
};

export interface StepWords {
  pool: string;
  what: string;
  before: string;
  after: string;
}

/** One change. `before` and `after` are the unit's resources, which say what its memory is counted in. */
export function stepWords(step: Step, before: readonly Resources[], after: readonly Resources[]): StepWords {
  const units = (all: readonly Resources[]) =>
    all.find((it) => it.nodePool.id === step.nodePool.id)?.memory.units ?? 'MB';
  return {
    pool: step.nodePool.name,
    what: NAMES[step.attribute] ?? step.attribute,
    before: value(step.attribute, step.before, units(before)),
    after: value(step.attribute, step.after, units(after)),
  };
}

function value(attribute: string, given: Step['before'], units: string): string {
  if (given === null) return 'Default';
  if (typeof given === 'string') return given;
  if (attribute.endsWith('Weight')) return amount(given);
  if (given === UNLIMITED) return amountWords(null, '');
  if (attribute.startsWith('gpu.')) return gpus(given);
  return attribute.startsWith('cpu.') ? counted(given / 1000, 'cores') : `${amount(given)} ${units}`;
}

function gpus(count: number): string {
  return counted(count, 'GPUs');
}

/** Who would be over, by how much. */
export function excessWords({ department, nodePool, resource, quota, assigned }: Excess): string {
  const said = (it: number) =>
    resource === 'gpu'
      ? gpus(it)
      : resource === 'cpu'
        ? counted(it / 1000, 'cores')
        : `${amount(it / MEGABYTES.GB)} GB of memory`;
  const promised = assigned === UNLIMITED ? `unlimited ${RESOURCES[resource] ?? resource}` : said(assigned);
  const over = assigned === UNLIMITED ? '' : `: ${said(assigned - quota)} too many`;
  return `The projects of ${department.name} would be promised ${promised} in ${nodePool.name}; it has ${said(quota)}${over}.`;
}

const RESOURCES: Readonly<Record<string, string>> = { gpu: 'GPUs', cpu: 'CPU', memory: 'memory' };
