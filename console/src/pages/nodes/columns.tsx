import type { components } from '@/api/schema';
import type { Column } from '@/table/types';
import { SimulatedName } from '@/ui/SimulatedName';
import { StatusBadge, type Tone } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';

export type Node = components['schemas']['NodeOut'];

const STATUSES: Readonly<Record<string, { tone: Tone; word: string }>> = {
  Ready: { tone: 'good', word: 'Ready' },
  NotReady: { tone: 'bad', word: 'Not ready' },
  Unknown: { tone: 'calm', word: 'Unknown' },
};

/** The columns, with the names of clusters: a node knows only the id of its own. */
export function columnsOf(clusters: readonly { value: string; label: string }[]): readonly Column<Node>[] {
  const nameOf = (id: string) => clusters.find((it) => it.value === id)?.label ?? id;
  return [
    {
      id: 'name',
      title: 'Node',
      primary: true,
      value: (it) => it.name,
      render: (it) => <SimulatedName name={it.name} simulated={it.simulated} />,
      sort: 'name',
      filter: { kind: 'text' },
    },
    {
      id: 'status',
      title: 'Status',
      value: (it) => STATUSES[it.status]?.word ?? it.status,
      render: (it) => <NodeStatus node={it} />,
      sort: 'status',
      width: 120,
      filter: {
        kind: 'text',
        choices: Object.entries(STATUSES).map(([value, { word }]) => ({ value, label: word })),
      },
    },
    {
      id: 'clusterUuid',
      title: 'Cluster',
      value: (it) => nameOf(it.clusterUuid),
      filter: { kind: 'text', choices: clusters },
    },
    {
      id: 'nodePool',
      title: 'Node pool',
      value: (it) => it.nodePool,
      sort: 'nodePool',
      filter: { kind: 'text' },
    },
    {
      id: 'gpuType',
      title: 'GPU type',
      value: (it) => it.gpuInfo?.gpuType,
      sort: 'gpuType',
      filter: { kind: 'text' },
    },
    {
      id: 'gpus',
      title: 'GPU devices',
      value: (it) => it.gpuInfo?.gpuCount ?? 0,
      align: 'right',
      width: 110,
    },
    {
      id: 'conditions',
      title: 'Conditions',
      hidden: true,
      value: (it) => it.conditions.map(({ type }) => type).join(', '),
    },
    {
      id: 'taints',
      title: 'Taints',
      hidden: true,
      value: (it) => it.taints.map(taintWords).join(', '),
    },
    {
      id: 'nvLinkDomainUid',
      title: 'NVLink domain',
      hidden: true,
      value: (it) => it.nvLinkDomainUid,
      sort: 'nvLinkDomainUid',
      filter: { kind: 'text' },
    },
    {
      id: 'nvLinkCliqueId',
      title: 'NVLink clique',
      hidden: true,
      value: (it) => it.nvLinkCliqueId,
      sort: 'nvLinkCliqueId',
      filter: { kind: 'text' },
    },
    {
      id: 'simulated',
      title: 'Simulated',
      hidden: true,
      value: (it) => (it.simulated ? 'Simulated' : 'Real'),
    },
    {
      id: 'updatedAt',
      title: 'Last change',
      value: (it) => it.updatedAt,
      render: (it) => <TimeAgo at={it.updatedAt} />,
      width: 130,
    },
  ];
}

export function NodeStatus({ node }: { node: Node }) {
  const look = STATUSES[node.status] ?? { tone: 'calm' as const, word: node.status };
  return <StatusBadge tone={look.tone}>{look.word}</StatusBadge>;
}

/** A taint as kubectl prints it. */
export function taintWords({ key, value, effect }: Node['taints'][number]): string {
  return value ? `${key}=${value}:${effect}` : `${key}:${effect}`;
}
