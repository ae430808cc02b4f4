/** How to install the agent, and whether it has spoken since: watched, so that nobody has to reload. */
import { Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { installInfo, remarkOn, simulation } from '@/pages/clusters/clusters';
import { ClusterState } from '@/pages/clusters/columns';
import { CodeSnippet } from '@/ui/CodeSnippet';
import { ErrorState } from '@/ui/ErrorState';
import { Note } from '@/ui/Note';
import { Steps } from '@/ui/Steps';
import { TimeAgo } from '@/ui/TimeAgo';
import classes from './clusters.module.css';

/** Milliseconds. Agents speak every 20 seconds; the first word is what people wait for. */
const WATCH = 3_000;

export function InstallSteps({ uuid }: { uuid: string }) {
  return (
    <Steps
      steps={[
        { title: 'Install the agent', children: <InstallCommand uuid={uuid} /> },
        { title: 'See it connect', children: <Watched uuid={uuid} /> },
      ]}
    />
  );
}

export function InstallCommand({ uuid }: { uuid: string }) {
  const info = useQuery(queryOf(installInfo(uuid)));
  if (info.isPending) return <Skeleton height={220} />;
  if (info.error) return <ErrorState error={info.error} onRetry={() => void info.refetch()} compact />;
  const { installationStr, clientSecret } = info.data;
  const remark = remarkOn(installationStr);
  return (
    <Stack gap="xs">
      <Note tone="secret">
        The command holds the secret of the agent. Whoever has it speaks for this cluster.
      </Note>
      {remark && <Note>{remark}</Note>}
      <CodeSnippet
        snippets={[
          { label: 'Kubernetes (Helm)', code: installationStr },
          { label: 'Simulated', code: simulation(window.location.origin, uuid, clientSecret) },
        ]}
      />
      <Text size="xs" c="dimmed">
        Run it where kubectl reaches the cluster. It is the same each time: to install again, copy it again.
      </Text>
    </Stack>
  );
}

function Watched({ uuid }: { uuid: string }) {
  const cluster = useQuery({
    ...queryOf(request('get', '/api/v1/clusters/{clusterUuid}', { params: { path: { clusterUuid: uuid } } })),
    refetchInterval: WATCH,
  });
  if (!cluster.data) return <Skeleton height={24} width={160} />;
  return (
    <div className={classes.watched} role="status">
      <ClusterState cluster={cluster.data} />
      <Text size="sm" c="dimmed" component="span">
        {cluster.data.lastLiveness ? (
          <>
            Last heartbeat <TimeAgo at={cluster.data.lastLiveness} />
          </>
        ) : (
          'This changes by itself as soon as the agent speaks.'
        )}
      </Text>
    </div>
  );
}
