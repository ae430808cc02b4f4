/** The drawer of one node pool: which nodes it claims, which it has, and how it schedules. */
import { Anchor, Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { labelOf, Phase, strategyWord, type Pool } from '@/pages/node-pools/columns';
import { ErrorState } from '@/ui/ErrorState';
import { Facts } from '@/ui/Facts';
import { Section } from '@/ui/Section';
import { TimeAgo } from '@/ui/TimeAgo';

/** More than a person reads in a drawer; the page "Nodes" lists them all. */
const SHOWN = 12;

export function Details({ id }: { id: string }) {
  const one = useQuery(
    queryOf(request('get', '/api/v1/node-pools/{nodepoolId}', { params: { path: { nodepoolId: id } } })),
  );
  if (one.isPending) return <Skeleton height={260} />;
  if (one.error) return <ErrorState error={one.error} onRetry={() => void one.refetch()} compact />;
  const it = one.data;
  return (
    <>
      <Section title="Details">
        <Facts
          facts={[
            ['Status', <Phase key="phase" pool={it} />],
            ...(it.phaseMessage ? [['Why', it.phaseMessage] as const] : []),
            [
              'Cluster',
              <Anchor key="cluster" component={Link} fz="inherit" to={`/clusters?open=${it.clusterId}`}>
                {it.clusterName}
              </Anchor>,
            ],
            ['Node label', labelOf(it) ?? 'None: it holds the nodes that no other pool claims'],
            ['Created by', it.createdBy],
            ['Created', <TimeAgo key="created" at={it.createdAt} />],
            ['Last updated', <TimeAgo key="updated" at={it.updatedAt} />],
          ]}
        />
      </Section>
      <Section title="Nodes">
        <Nodes pool={it} />
      </Section>
      <Section title="Scheduling">
        <Facts facts={schedulingOf(it)} />
      </Section>
    </>
  );
}

function Nodes({ pool }: { pool: Pool }) {
  const names = pool.status.nodes;
  if (names.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        No node is in this pool.
      </Text>
    );
  }
  const terms = [`clusterUuid==${pool.clusterId}`, `nodePool==${pool.name}`];
  const address = `/nodes?${terms.map((it) => `filter=${encodeURIComponent(it)}`).join('&')}`;
  return (
    <Text size="sm">
      {names.slice(0, SHOWN).join(', ')}
      {names.length > SHOWN && ` and ${String(names.length - SHOWN)} more`}.{' '}
      <Anchor component={Link} fz="inherit" to={address}>
        Show them
      </Anchor>
    </Text>
  );
}

function schedulingOf(it: Pool): readonly (readonly [string, string])[] {
  const optimization = it.gpuResourceOptimization;
  return [
    ['GPU placement', strategyWord(it.placementStrategy.gpu)],
    ['CPU placement', strategyWord(it.placementStrategy.cpu)],
    [
      'Over-provisioning',
      it.overProvisioningRatio === 1 ? 'Off' : `${String(it.overProvisioningRatio)} times`,
    ],
    ['Guaranteed runtime', it.schedulingConfiguration.minGuaranteedRuntime ?? 'None'],
    ['Network topology', it.networkTopologyName ?? 'None'],
    ['Scheduling in a node', optimization.nodeLevelSchedulerEnabled ? 'On' : 'Off'],
    [
      'GPU memory swap',
      optimization.swapEnabled
        ? `${optimization.cpuSwapMemorySize}, ${optimization.reservedGpuMemoryForSwapOperations} kept back`
        : 'Off',
    ],
  ];
}
