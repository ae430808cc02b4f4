import { bytes, poolKey } from '@/api/telemetry';
import type { components } from '@/api/schema';
import type { Column } from '@/table/types';
import { amount } from '@/ui/quota';
import { StatusBadge, type Tone } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';

export type Pool = components['schemas']['PoolOut'];

/** A pool comes and goes with quotas in every department and project of its cluster. */
export const TOUCHES = ['/api/v1/node-pools', '/api/v1/nodes', '/api/v1/org-unit'] as const;

const TONES: Readonly<Record<string, Tone>> = {
  Ready: 'good',
  Unschedulable: 'bad',
  Creating: 'accent',
  Updating: 'accent',
  Deleting: 'warn',
};
const PHASES = ['Creating', 'Empty', 'Ready', 'Unschedulable'];

/** Sums over the nodes of each pool; undefined while they load. */
export interface Sizes {
  gpus: ReadonlyMap<string, number> | undefined;
  gpuMemory: ReadonlyMap<string, number> | undefined;
  cpus: ReadonlyMap<string, number> | undefined;
  memory: ReadonlyMap<string, number> | undefined;
}

export const STRATEGIES = [
  { value: 'binpack', label: 'Bin-pack' },
  { value: 'spread', label: 'Spread' },
] as const;

/** Such as "Bin-pack". */
export function strategyWord(value: string): string {
  return STRATEGIES.find((it) => it.value === value)?.label ?? value;
}

/** The label by which nodes are claimed; undefined for the default pool, which takes what is left. */
export function labelOf(pool: Pool): string | undefined {
  return pool.isDefault ? undefined : `${pool.labelKey}=${pool.labelValue}`;
}

/** The columns, with what only other answers know: names of clusters and sums over nodes. */
export function columnsOf(
  clusters: readonly { value: string; label: string }[],
  sizes: Sizes,
): readonly Column<Pool>[] {
  const size = (of: keyof Sizes) => (it: Pool) => sizes[of]?.get(poolKey(it.clusterId, it.name)) ?? null;
  const number = (of: keyof Sizes, words: (value: number) => string) => (it: Pool) => {
    const value = size(of)(it);
    return value === null ? null : words(value);
  };
  return [
    {
      id: 'name',
      title: 'Node pool',
      primary: true,
      value: (it) => it.name,
      sort: 'name',
      filter: { kind: 'text' },
    },
    {
      id: 'phase',
      title: 'Status',
      value: (it) => it.phase,
      render: (it) => <Phase pool={it} />,
      sort: 'phase',
      width: 130,
      filter: { kind: 'text', choices: PHASES.map((it) => ({ value: it, label: it })) },
    },
    {
      id: 'cluster',
      title: 'Cluster',
      value: (it) => it.clusterName,
      filter: { field: 'clusterId', kind: 'text', choices: clusters },
    },
    {
      id: 'label',
      title: 'Node label',
      value: labelOf,
      render: (it) => labelOf(it) ?? 'All other nodes',
    },
    { id: 'nodes', title: 'Nodes', value: (it) => it.status.nodes.length, align: 'right', width: 80 },
    {
      id: 'gpus',
      title: 'GPU devices',
      value: size('gpus'),
      render: number('gpus', amount),
      align: 'right',
      width: 110,
    },
    {
      id: 'gpuMemory',
      title: 'GPU memory',
      value: size('gpuMemory'),
      render: number('gpuMemory', bytes),
      align: 'right',
      width: 110,
    },
    {
      id: 'cpus',
      title: 'CPUs',
      value: size('cpus'),
      render: number('cpus', amount),
      align: 'right',
      width: 80,
      hidden: true,
    },
    {
      id: 'memory',
      title: 'CPU memory',
      value: size('memory'),
      render: number('memory', bytes),
      align: 'right',
      width: 110,
      hidden: true,
    },
    {
      id: 'gpuPlacement',
      title: 'GPU placement',
      value: (it) => strategyWord(it.placementStrategy.gpu),
      width: 120,
    },
    {
      id: 'cpuPlacement',
      title: 'CPU placement',
      value: (it) => strategyWord(it.placementStrategy.cpu),
      width: 120,
      hidden: true,
    },
    {
      id: 'topology',
      title: 'Network topology',
      value: (it) => it.networkTopologyName,
      sort: 'networkTopologyName',
      hidden: true,
      filter: { field: 'networkTopologyName', kind: 'text' },
    },
    {
      id: 'createdBy',
      title: 'Created by',
      value: (it) => it.createdBy,
      hidden: true,
    },
    {
      id: 'createdAt',
      title: 'Created',
      value: (it) => it.createdAt,
      render: (it) => <TimeAgo at={it.createdAt} />,
      sort: 'createdAt',
      width: 130,
      hidden: true,
      filter: { kind: 'time' },
    },
    {
      id: 'updatedAt',
      title: 'Last updated',
      value: (it) => it.updatedAt,
      render: (it) => <TimeAgo at={it.updatedAt} />,
      sort: 'updatedAt',
      width: 130,
      filter: { kind: 'time' },
    },
  ];
}

export function Phase({ pool }: { pool: Pool }) {
  return (
    <StatusBadge tone={TONES[pool.phase] ?? 'calm'} hint={pool.phaseMessage || undefined}>
      {pool.phase}
    </StatusBadge>
  );
}
