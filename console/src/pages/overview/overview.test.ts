import { describe, expect, it } from 'vitest';
import type { Department } from '@/pages/org-units/units';
import { expiring } from '@/pages/overview/expiring';
import { quotaRows, rowWords } from '@/pages/overview/quotaRows';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const days = (count: number) => new Date(NOW + count * 86_400_000).toISOString();

function department(id: string, name: string, quota: number, allocated?: number): Department {
  return {
    id,
    name,
    description: '',
    clusterId: `cluster-of-${id}`,
    createdAt: '',
    updatedAt: '',
    createdBy: '',
    updatedBy: '',
    totalResources: { gpuQuota: quota, cpuQuota: null, memoryQuota: null },
    resources: [],
    schedulingRules: null,
    defaultNodePools: null,
    nodeTypes: { training: [], workspace: [], names: null },
    overtimeData: { range24hData: null, range7dData: null, range30dData: null },
    children: null,
    ...(allocated === undefined ? {} : { status: { quotaStatus: { allocated: { gpu: allocated } } } }),
  };
}

describe('the bars of the overview', () => {
  it('leaves out units without quota and allocation, and counts them', () => {
    const found = quotaRows([department('1', 'a', 4), department('2', 'b', 0)], new Map());
    expect(found).toMatchObject({
      rows: [{ id: '1', quota: 4, allocated: null }],
      empty: 1,
      reported: false,
    });
  });

  it('keeps a unit that uses what it has no quota for', () => {
    const found = quotaRows([department('1', 'a', 0, 2)], new Map());
    expect(found).toMatchObject({ rows: [{ quota: 0, allocated: 2 }], empty: 0, reported: true });
  });

  it('takes a reported 0 for a report', () => {
    expect(quotaRows([department('1', 'a', 1, 0)], new Map()).reported).toBe(true);
  });

  it('tells units of the same name apart by their clusters, and only those', () => {
    const clusters = new Map([
      ['cluster-of-1', 'oslo'],
      ['cluster-of-2', 'lisbon'],
    ]);
    const all = [department('1', 'default', 1), department('2', 'default', 1), department('3', 'vision', 1)];
    expect(quotaRows(all, clusters).rows.map((it) => it.name)).toEqual([
      'default · oslo',
      'default · lisbon',
      'vision',
    ]);
  });

  it('says in words what the bars show', () => {
    expect(rowWords({ id: '1', name: 'a', quota: 4, allocated: null })).toBe(
      'quota 4 GPUs, allocation not reported',
    );
    expect(rowWords({ id: '1', name: 'a', quota: null, allocated: 1.5 })).toBe(
      'unlimited quota, 1.5 allocated',
    );
  });
});

describe('credentials about to expire', () => {
  const credential = (name: string, expiresAt: string | null) => ({ id: name, name, expiresAt });

  it('are those that end soon or ended lately, the nearest end first', () => {
    const all = [
      credential('never', null),
      credential('tomorrow', days(1)),
      credential('later', days(200)),
      credential('yesterday', days(-1)),
      credential('long ago', days(-90)),
      credential('in a week', days(7)),
    ];
    expect(expiring(all, NOW).map((it) => it.name)).toEqual(['yesterday', 'tomorrow', 'in a week']);
  });
});
