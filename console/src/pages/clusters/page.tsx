/** Clusters: which there are, whether their agents speak, and how to connect one more. */
import { Button } from '@mantine/core';
import { IconPencil, IconPlus, IconTerminal2, IconTopologyStar3, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { listClusters, type Cluster } from '@/pages/clusters/clusters';
import { columns } from '@/pages/clusters/columns';
import { Details } from '@/pages/clusters/Details';
import { InstallDialog, RemoveDialog, RenameDialog } from '@/pages/clusters/dialogs';
import { NewCluster } from '@/pages/clusters/NewCluster';
import { useCan } from '@/session/hooks';
import { DataTable } from '@/table/DataTable';
import { wholeList, type RowAction } from '@/table/types';
import { EmptyState } from '@/ui/EmptyState';
import { PageHeader } from '@/ui/PageHeader';
import { SimulatedName } from '@/ui/SimulatedName';

const source = wholeList(listClusters(), (reply) => reply);
/** Milliseconds between looks: an agent speaks every 20 seconds. */
const LOOK_AGAIN = 15_000;

type Dialog = 'install' | 'rename' | 'remove';

export function Component() {
  const can = useCan();
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<{ dialog: Dialog; cluster: Cluster }>();
  const close = () => setAsked(undefined);
  const create = can('cluster:create') && (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
      New cluster
    </Button>
  );

  function actions(cluster: Cluster): RowAction[] {
    const ask = (dialog: Dialog) => () => setAsked({ dialog, cluster });
    const change: RowAction[] = [
      { label: 'Install command…', icon: IconTerminal2, onClick: ask('install') },
      { label: 'Rename…', icon: IconPencil, onClick: ask('rename') },
    ];
    return [
      ...(can('cluster:update') ? change : []),
      ...(can('cluster:delete')
        ? [{ label: 'Remove…', icon: IconTrash, danger: true, onClick: ask('remove') }]
        : []),
    ];
  }

  return (
    <>
      <PageHeader
        title="Clusters"
        text="The Kubernetes clusters of this tenant. An agent in each reports here; a cluster needs no open port."
        actions={create}
      />
      <DataTable
        id="clusters"
        label="Clusters"
        source={source}
        columns={columns}
        rowId={(it) => it.uuid}
        search="Search clusters"
        actions={actions}
        refetchInterval={LOOK_AGAIN}
        detail={{
          title: (it) => (it ? <SimulatedName name={it.name} simulated={it.simulated} /> : 'Cluster'),
          render: (id) => <Details id={id} />,
        }}
        empty={
          <EmptyState
            icon={IconTopologyStar3}
            title="No clusters yet"
            text="Make one, and copy the command that installs its agent. Departments, projects and node pools belong to a cluster."
            action={create}
          />
        }
      />
      <NewCluster opened={creating} onClose={() => setCreating(false)} />
      {asked?.dialog === 'install' && <InstallDialog cluster={asked.cluster} onClose={close} />}
      {asked?.dialog === 'rename' && <RenameDialog cluster={asked.cluster} onClose={close} />}
      {asked?.dialog === 'remove' && <RemoveDialog cluster={asked.cluster} onClose={close} />}
    </>
  );
}
