/** The columns that lists of departments and of projects share. */
import { type Cluster, clusterName } from '@/pages/org-units/clusters';
import { amountWords, gpuTotal } from '@/pages/org-units/quotas';
import { durationWords, RULES, type RuleName } from '@/pages/org-units/rules';
import type { Unit } from '@/pages/org-units/units';
import type { Column } from '@/table/types';
import { amount } from '@/ui/quota';
import { QuotaBar } from '@/ui/QuotaBar';
import { TimeAgo } from '@/ui/TimeAgo';
import classes from './columns.module.css';

const AVERAGES = [
  ['avgGpuAllocation7d', 'Avg. GPU allocation, 7 days', 'averageGpuAllocation'],
  ['avgGpuUtilization7d', 'Avg. GPU utilization, 7 days', 'averageGpuUtilization'],
  ['avgGpuMemoryUtilization7d', 'Avg. GPU memory utilization, 7 days', 'averageGpuMemoryUtilization'],
] as const;

/** The cluster by name, and to choose from by name. */
export function clusterColumn(clusters: readonly Cluster[]): Column<Unit> {
  return {
    id: 'clusterId',
    title: 'Cluster',
    value: (it) => clusterName(clusters, it.clusterId),
    sort: 'clusterId',
    filter: {
      kind: 'text',
      operators: ['==', '!='],
      ...(clusters.length > 0
        ? { choices: clusters.map(({ uuid, name }) => ({ value: uuid, label: name })) }
        : {}),
    },
  };
}

export const quotaColumns: readonly Column<Unit>[] = [
  {
    id: 'gpuQuota',
    title: 'GPU quota',
    value: (it) => it.totalResources?.gpuQuota ?? 'Unlimited',
    render: (it) => <QuotaBar {...gpuTotal(it)} unit="GPUs" />,
    sort: 'totalGpuQuota',
    filter: { field: 'totalGpuQuota', kind: 'number' },
    width: 160,
  },
  {
    id: 'nodePools',
    title: 'Node pools with quota',
    value: (it) => poolWords(it),
    render: (it) => <PoolNames unit={it} />,
  },
];

/** For those who look for them; not shown at first. */
export const furtherColumns: readonly Column<Unit>[] = [
  {
    id: 'gpuAllocated',
    title: 'Allocated GPUs',
    hidden: true,
    align: 'right',
    value: (it) => it.status?.quotaStatus?.allocated?.gpu,
    sort: 'gpuAllocated',
    filter: { kind: 'number' },
  },
  {
    id: 'gpuRatio',
    title: 'GPU allocation ratio',
    hidden: true,
    align: 'right',
    value: (it) => {
      const { deserved, allocated } = gpuTotal(it);
      return deserved && allocated !== null ? `${amount((100 * allocated) / deserved)} %` : null;
    },
  },
  {
    id: 'cpuQuota',
    title: 'CPU quota (cores)',
    hidden: true,
    align: 'right',
    value: (it) => {
      const millicores = it.totalResources?.cpuQuota;
      return millicores === null || millicores === undefined ? 'Unlimited' : millicores / 1000;
    },
  },
  {
    id: 'memoryQuota',
    title: 'Memory quota (GB)',
    hidden: true,
    align: 'right',
    value: (it) => {
      const megabytes = it.totalResources?.memoryQuota;
      return megabytes === null || megabytes === undefined ? 'Unlimited' : megabytes / 1000;
    },
  },
  ...AVERAGES.map(([id, title, name]): Column<Unit> => ({
    id,
    title,
    hidden: true,
    align: 'right',
    value: (it) => it.overtimeData.range7dData?.[name],
    sort: id,
    filter: { kind: 'number' },
  })),
  {
    id: 'createdBy',
    title: 'Created by',
    hidden: true,
    value: (it) => it.createdBy,
  },
  {
    id: 'updatedAt',
    title: 'Last updated',
    hidden: true,
    value: (it) => it.updatedAt,
    render: (it) => <TimeAgo at={it.updatedAt} />,
  },
];

export const createdColumn: Column<Unit> = {
  id: 'createdAt',
  title: 'Created',
  value: (it) => it.createdAt,
  render: (it) => <TimeAgo at={it.createdAt} />,
  sort: 'createdAt',
  filter: { kind: 'time' },
};

/** One column for each rule; `rule` says which one counts in a row. */
export function ruleColumns<Row>(rule: (row: Row, name: RuleName) => number | null | undefined) {
  return RULES.map(({ name, title }): Column<Row> => ({
    id: name,
    title,
    hidden: true,
    value: (it) => {
      const seconds = rule(it, name);
      return seconds ? durationWords(seconds) : null;
    },
  }));
}

function withQuota(unit: Unit) {
  return unit.resources.filter((it) => it.gpu.deserved !== 0);
}

function poolWords(unit: Unit): string {
  return withQuota(unit)
    .map(({ nodePool, gpu }) => `${nodePool.name} (${amountWords(gpu.deserved, 'GPUs')})`)
    .join(', ');
}

const NAMED = 2;

function PoolNames({ unit }: { unit: Unit }) {
  const pools = withQuota(unit);
  if (pools.length === 0) return <span className={classes.none}>None</span>;
  return (
    <span title={poolWords(unit)}>
      {pools
        .slice(0, NAMED)
        .map((it) => it.nodePool.name)
        .join(', ')}
      {pools.length > NAMED && <span className={classes.more}> +{pools.length - NAMED}</span>}
    </span>
  );
}
