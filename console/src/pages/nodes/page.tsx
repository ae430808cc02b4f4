/** Nodes, as the agents of the clusters reported them last. */
import { Anchor } from '@mantine/core';
import { IconServer2 } from '@tabler/icons-react';
import { useMemo } from 'react';
import { Link, useSearchParams } from 'react-router';
import { useClusterChoices } from '@/api/clusters';
import { request } from '@/api/request';
import { columnsOf } from '@/pages/nodes/columns';
import { Details } from '@/pages/nodes/Details';
import { NodeTiles } from '@/pages/nodes/NodeTiles';
import { DataTable } from '@/table/DataTable';
import { pagedList } from '@/table/types';
import { EmptyState } from '@/ui/EmptyState';
import { Note } from '@/ui/Note';
import { PageHeader } from '@/ui/PageHeader';
import { SimulatedName } from '@/ui/SimulatedName';

const source = pagedList(
  (page) => request('get', '/api/v1/nodes', { params: { query: page } }),
  (reply) => reply.nodes,
);

export function Component() {
  const clusters = useClusterChoices();
  const columns = useMemo(() => columnsOf(clusters), [clusters]);
  const [query] = useSearchParams();
  const clusterId = onlyCluster(query.getAll('filter'));
  const nameOf = (id: string) => clusters.find((it) => it.value === id)?.label ?? id;
  return (
    <>
      <PageHeader
        title="Nodes"
        text="The machines of all clusters, as their agents reported them last. Nothing here is measured by the server itself."
      />
      <NodeTiles clusterId={clusterId} />
      <DataTable
        id="nodes"
        label="Nodes"
        source={source}
        columns={columns}
        rowId={(it) => it.id}
        search="Search nodes"
        detail={{
          title: (it) => (it ? <SimulatedName name={it.name} simulated={it.simulated} /> : 'Node'),
          render: (_, it) =>
            it ? (
              <Details node={it} cluster={nameOf(it.clusterUuid)} />
            ) : (
              <Note>This node is not on the page that is shown.</Note>
            ),
        }}
        empty={
          <EmptyState
            icon={IconServer2}
            title="No nodes reported yet"
            text={
              <>
                Nodes appear here once the agent of a cluster has connected.{' '}
                <Anchor component={Link} fz="inherit" to="/clusters">
                  Clusters
                </Anchor>{' '}
                shows how to install it.
              </>
            }
          />
        }
      />
    </>
  );
}

/** The cluster that the conditions of the list leave, where that is one. */
function onlyCluster(filters: readonly string[]): string | undefined {
  const named = filters.filter((it) => it.startsWith('clusterUuid=='));
  return named.length === 1 ? named[0]?.slice('clusterUuid=='.length) : undefined;
}
