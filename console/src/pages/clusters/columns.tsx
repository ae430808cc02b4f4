import { lookOf, platformOf, STATES, type Cluster } from '@/pages/clusters/clusters';
import type { Column } from '@/table/types';
import { CopyableId } from '@/ui/CopyableId';
import { SimulatedName } from '@/ui/SimulatedName';
import { StatusBadge } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';

export const columns: readonly Column<Cluster>[] = [
  {
    id: 'name',
    title: 'Cluster',
    primary: true,
    value: (it) => it.name,
    render: (it) => <SimulatedName name={it.name} simulated={it.simulated} />,
    sort: true,
    filter: { kind: 'text' },
  },
  {
    id: 'state',
    title: 'Status',
    value: (it) => lookOf(it).word,
    render: (it) => <ClusterState cluster={it} />,
    sort: true,
    width: 190,
    filter: {
      kind: 'text',
      choices: [...STATES, { value: 'Being removed', label: 'Being removed' }],
    },
  },
  {
    id: 'lastLiveness',
    title: 'Last heartbeat',
    value: (it) => it.lastLiveness,
    render: (it) => <TimeAgo at={it.lastLiveness} never="Never" />,
    sort: true,
    width: 140,
    filter: { kind: 'time' },
  },
  { id: 'platform', title: 'Platform', value: platformOf, sort: true, filter: { kind: 'text' } },
  {
    id: 'version',
    title: 'Version',
    value: (it) => it.version,
    sort: true,
    width: 110,
    filter: { kind: 'text' },
  },
  {
    id: 'domain',
    title: 'Address',
    hidden: true,
    value: (it) => it.domain,
    sort: true,
    filter: { kind: 'text' },
  },
  {
    id: 'createdAt',
    title: 'Created',
    value: (it) => it.createdAt,
    render: (it) => <TimeAgo at={it.createdAt} />,
    sort: true,
    width: 130,
    filter: { kind: 'time' },
  },
  {
    id: 'simulated',
    title: 'Simulated',
    value: (it) => (it.simulated ? 'Simulated' : 'Real'),
    hidden: true,
    sort: true,
    width: 120,
  },
  {
    id: 'uuid',
    title: 'Cluster ID',
    hidden: true,
    value: (it) => it.uuid,
    render: (it) => <CopyableId id={it.uuid} what="cluster ID" />,
  },
];

export function ClusterState({ cluster }: { cluster: Cluster }) {
  const { tone, word, hint } = lookOf(cluster);
  return (
    <StatusBadge tone={tone} hint={hint}>
      {word}
    </StatusBadge>
  );
}
