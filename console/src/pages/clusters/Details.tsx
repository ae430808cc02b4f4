/** The drawer of one cluster: how it is, what its agent says, how the agent is installed. */
import { Anchor, Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { dependenciesOf, platformOf, type Cluster, type Dependency } from '@/pages/clusters/clusters';
import { ClusterState } from '@/pages/clusters/columns';
import { InstallCommand } from '@/pages/clusters/InstallSteps';
import { useCan } from '@/session/hooks';
import { CopyableId } from '@/ui/CopyableId';
import { Disclosure } from '@/ui/Disclosure';
import { ErrorState } from '@/ui/ErrorState';
import { Facts } from '@/ui/Facts';
import { Section } from '@/ui/Section';
import { StatusBadge } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';
import classes from './clusters.module.css';

export function Details({ id }: { id: string }) {
  const can = useCan();
  const one = useQuery(
    queryOf(request('get', '/api/v1/clusters/{clusterUuid}', { params: { path: { clusterUuid: id } } })),
  );
  if (one.isPending) return <Skeleton height={260} />;
  if (one.error) return <ErrorState error={one.error} onRetry={() => void one.refetch()} compact />;
  const it = one.data;
  const dependencies = dependenciesOf(it);
  return (
    <>
      <Section title="Details">
        <Facts facts={factsOf(it)} />
        <Text size="sm" mt="xs">
          <Anchor
            component={Link}
            fz="inherit"
            to={`/nodes?filter=${encodeURIComponent(`clusterUuid==${it.uuid}`)}`}
          >
            Its nodes
          </Anchor>
          {' · '}
          <Anchor
            component={Link}
            fz="inherit"
            to={`/node-pools?filter=${encodeURIComponent(`clusterId==${it.uuid}`)}`}
          >
            Its node pools
          </Anchor>
        </Text>
      </Section>
      <Section title="Conditions">
        <Conditions cluster={it} />
      </Section>
      {dependencies.length > 0 && (
        <Section title="Prerequisites">
          <Dependencies dependencies={dependencies} />
        </Section>
      )}
      {can('cluster:update') && (
        <Section title="Agent">
          <Disclosure label="Show the install command">{() => <InstallCommand uuid={it.uuid} />}</Disclosure>
        </Section>
      )}
    </>
  );
}

function factsOf(it: Cluster): [string, ReactNode][] {
  return [
    ['Status', <ClusterState key="state" cluster={it} />],
    ['Last heartbeat', <TimeAgo key="heartbeat" at={it.lastLiveness} never="Never" />],
    ['Platform', platformOf(it)],
    ['Version', it.version],
    ['Address', it.domain],
    ['Cluster ID', <CopyableId key="id" id={it.uuid} what="cluster ID" full />],
    ['Created', <TimeAgo key="created" at={it.createdAt} />],
    ...(it.deleteRequestedAt
      ? [['Removal asked', <TimeAgo key="leaving" at={it.deleteRequestedAt} />] as [string, ReactNode]]
      : []),
  ];
}

function Conditions({ cluster }: { cluster: Cluster }) {
  const conditions = cluster.status?.conditions ?? [];
  if (conditions.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        The agent has reported none.
      </Text>
    );
  }
  return (
    <ul className={classes.list}>
      {conditions.map((it) => (
        <li key={it.type}>
          <span className={classes.line}>
            <b>{it.type}</b>
            <StatusBadge tone={it.status === 'Unknown' ? 'warn' : 'calm'}>{it.status}</StatusBadge>
          </span>
          <span className={classes.more}>
            {[it.reason === it.type ? '' : it.reason, it.message].filter(Boolean).join(': ')}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Dependencies({ dependencies }: { dependencies: readonly Dependency[] }) {
  return (
    <ul className={classes.list}>
      {dependencies.map((it) => (
        <li key={it.name}>
          <span className={classes.line}>
            <b>{it.name}</b>
            {it.available ? (
              <StatusBadge tone="good">Available</StatusBadge>
            ) : (
              <StatusBadge tone={it.required ? 'bad' : 'calm'}>
                {it.required ? 'Missing' : 'Missing, optional'}
              </StatusBadge>
            )}
          </span>
          {it.reason && <span className={classes.more}>{it.reason}</span>}
        </li>
      ))}
    </ul>
  );
}
