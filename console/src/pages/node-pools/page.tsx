/** Node pools: how the nodes of each cluster are divided, and what is unlike between the parts. */
import { Button } from '@mantine/core';
import { IconPencil, IconPlus, IconStack2, IconTrash } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useClusterChoices } from '@/api/clusters';
import { request } from '@/api/request';
import { usePoolTotals } from '@/api/telemetry';
import { columnsOf, TOUCHES, type Pool } from '@/pages/node-pools/columns';
import { Details } from '@/pages/node-pools/Details';
import { PoolDrawer } from '@/pages/node-pools/PoolDrawer';
import { useCan } from '@/session/hooks';
import { DataTable } from '@/table/DataTable';
import { pagedList, type RowAction } from '@/table/types';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { PageHeader } from '@/ui/PageHeader';

const source = pagedList(
  (page) => request('get', '/api/v1/node-pools', { params: { query: page } }),
  (reply) => reply.nodepools,
);

function useColumns() {
  const clusters = useClusterChoices();
  const gpus = usePoolTotals('TOTAL_GPUS');
  const gpuMemory = usePoolTotals('TOTAL_GPU_MEMORY_BYTES');
  const cpus = usePoolTotals('TOTAL_CPU_CORES');
  const memory = usePoolTotals('TOTAL_CPU_MEMORY_BYTES');
  return useMemo(
    () => columnsOf(clusters, { gpus, gpuMemory, cpus, memory }),
    [clusters, gpus, gpuMemory, cpus, memory],
  );
}

export function Component() {
  const can = useCan();
  const columns = useColumns();
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<{ dialog: 'edit' | 'delete'; pool: Pool }>();
  const close = () => setAsked(undefined);
  const create = can('nodepools:create') && (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
      New node pool
    </Button>
  );

  function actions(pool: Pool): RowAction[] {
    const edit = { label: 'Edit…', icon: IconPencil, onClick: () => setAsked({ dialog: 'edit', pool }) };
    const remove: RowAction = {
      label: 'Delete…',
      icon: IconTrash,
      danger: true,
      onClick: () => setAsked({ dialog: 'delete', pool }),
      disabled: pool.isDefault ? 'The default node pool stays as long as its cluster' : undefined,
    };
    return [...(can('nodepools:update') ? [edit] : []), ...(can('nodepools:delete') ? [remove] : [])];
  }

  return (
    <>
      <PageHeader
        title="Node pools"
        text="Groups of nodes that share a label. Quotas of departments and projects are given per node pool."
        actions={create}
      />
      <DataTable
        id="node-pools"
        label="Node pools"
        source={source}
        columns={columns}
        rowId={(it) => it.id}
        actions={actions}
        detail={{ title: (it) => it?.name ?? 'Node pool', render: (id) => <Details id={id} /> }}
        empty={
          <EmptyState
            icon={IconStack2}
            title="No node pools yet"
            text="Every cluster brings a default node pool. Make a cluster first."
          />
        }
      />
      {creating && <PoolDrawer onClose={() => setCreating(false)} />}
      {asked?.dialog === 'edit' && <PoolDrawer pool={asked.pool} onClose={close} />}
      {asked?.dialog === 'delete' && <DeletePool pool={asked.pool} onClose={close} />}
    </>
  );
}

function DeletePool({ pool, onClose }: { pool: Pool; onClose: () => void }) {
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Delete the node pool ${pool.name} of ${pool.clusterName}?`}
      action="Delete"
      request={request('delete', '/api/v1/node-pools/{nodepoolId}', {
        params: { path: { nodepoolId: pool.id } },
      })}
      touches={TOUCHES}
      done={`${pool.name} is deleted.`}
    >
      Its nodes fall to the other pools whose label they carry, else to the default one. The quotas that
      departments and projects have in it are lost.
    </ConfirmDialog>
  );
}
