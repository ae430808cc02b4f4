import { describe, expect, it } from 'vitest';
import {
  amountOf,
  changesOf,
  draftOf,
  formProblems,
  freshDraft,
  gpuTotal,
  poolQuotas,
  problemsOf,
  tidied,
  UNLIMITED,
} from '@/pages/org-units/quotas';
import type { Resources, Unit } from '@/pages/org-units/units';

const free = { deserved: null, limit: null, overQuotaWeight: null };
const stored: Resources = {
  nodePool: { id: '7', name: 'default' },
  gpu: { deserved: 4, limit: null, overQuotaWeight: 2 },
  cpu: { ...free, deserved: 1500 },
  memory: { ...free, units: 'GB' },
  priority: null,
};
const before = draftOf(stored);

describe('an amount', () => {
  it.each(['u', 'unlim', 'Unlimited', ' UNLIMITED ', '-1', '∞'])('%s is unlimited', (written) => {
    expect(amountOf(written)).toBe(UNLIMITED);
    expect(tidied(written)).toBe('Unlimited');
  });
  it.each(['', ' ', '-2', 'none', '1,5', '1e3', 'unlimitedly', '0x10'])('%j is nonsense', (written) => {
    expect(amountOf(written)).toBeUndefined();
    expect(tidied(written)).toBe(written);
  });
  it.each([
    ['0', 0],
    ['2.5', 2.5],
    [' 12 ', 12],
  ])('%s is a number', (written, number) => expect(amountOf(written)).toBe(number));
});

describe('a form of quotas', () => {
  it('shows cores and the word for no limit', () => {
    expect(before).toMatchObject({ gpu: '4', gpuLimit: 'Unlimited', gpuWeight: '2', cpu: '1.5' });
    expect(draftOf({ ...stored, gpu: { ...stored.gpu, deserved: -1 } }).gpu).toBe('Unlimited');
  });

  it('sends nothing where nothing was changed, however it is written', () => {
    expect(changesOf([before], [before])).toEqual([]);
    expect(changesOf([before], [{ ...before, gpuLimit: 'u', gpu: '4.0' }])).toEqual([]);
  });

  it('sends what was changed and nothing else', () => {
    expect(changesOf([before], [{ ...before, gpu: '6', gpuWeight: '' }])).toEqual([
      { nodePool: { id: '7' }, gpu: { deserved: 6, overQuotaWeight: null } },
    ]);
    expect(changesOf([before], [{ ...before, gpu: 'u', priority: 'High' }])).toEqual([
      { nodePool: { id: '7' }, gpu: { deserved: -1 }, priority: 'High' },
    ]);
  });

  it('sends millicores, and memory never without its unit', () => {
    expect(changesOf([before], [{ ...before, cpu: '0.1', cpuLimit: '2' }])).toEqual([
      { nodePool: { id: '7' }, cpu: { deserved: 100, limit: 2000 } },
    ]);
    expect(changesOf([before], [{ ...before, memory: '64' }])).toEqual([
      { nodePool: { id: '7' }, memory: { deserved: 64, limit: -1, units: 'GB' } },
    ]);
  });

  it('of a new unit sends what differs from what a node pool gives by itself', () => {
    const pool = { id: '7', name: 'default' };
    expect(changesOf([], [freshDraft(pool)])).toEqual([]);
    expect(changesOf([], [{ ...freshDraft(pool), gpu: '2' }])).toEqual([
      { nodePool: { id: '7' }, gpu: { deserved: 2 } },
    ]);
  });

  it('says which field cannot be', () => {
    expect(problemsOf(before)).toEqual({});
    expect(problemsOf({ ...before, gpuLimit: '3', cpu: '' })).toEqual({
      gpuLimit: 'Not below the quota.',
      cpu: 'A number, or Unlimited.',
    });
    expect(formProblems([before, { ...before, gpuWeight: '-1' }])).toEqual({
      'quotas.1.gpuWeight': 'A number, 0 or more.',
    });
  });
});

describe('the bars of a unit', () => {
  const unit = {
    resources: [stored, { ...stored, nodePool: { id: '8', name: 'a100' } }],
    totalResources: { gpuQuota: 8, cpuQuota: null, memoryQuota: null },
    status: {
      quotaStatus: { allocated: { gpu: 3 } },
      nodePoolQuotaStatuses: [
        { nodePoolId: '7', nodePoolName: 'default', allocated: { gpu: 3, cpu: 500, memory: 2000 } },
      ],
    },
  } as unknown as Unit;

  it('have no limit where one pool has none, and no zero where nothing was reported', () => {
    expect(gpuTotal(unit)).toEqual({ deserved: 8, limit: null, allocated: 3 });
    expect(poolQuotas(unit, stored).cpu).toEqual({ deserved: 1.5, limit: null, allocated: 0.5 });
    expect(poolQuotas(unit, stored).memory.allocated).toBe(2);
    const other = unit.resources[1];
    expect(other && poolQuotas(unit, other).gpu.allocated).toBeNull();
  });
});
