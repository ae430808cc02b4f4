/** Projects: where workloads run, and what they may use. */
import { Button } from '@mantine/core';
import {
  IconArrowsExchange,
  IconChartBar,
  IconFolders,
  IconPencil,
  IconPlus,
  IconTrash,
} from '@tabler/icons-react';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { request } from '@/api/request';
import { CreateDialog } from '@/pages/org-units/CreateDialog';
import { DeleteDialog, MoveDialog } from '@/pages/org-units/dialogs';
import { EditDialog } from '@/pages/org-units/EditDialog';
import type { Dialog } from '@/pages/org-units/parts';
import { QuotaDialog } from '@/pages/org-units/QuotaDialog';
import type { Project, Unit } from '@/pages/org-units/units';
import { useColumns } from '@/pages/projects/columns';
import { Details } from '@/pages/projects/Details';
import { useCan } from '@/session/hooks';
import { DataTable } from '@/table/DataTable';
import { pagedList, type RowAction } from '@/table/types';
import { EmptyState } from '@/ui/EmptyState';
import { PageHeader } from '@/ui/PageHeader';

const source = pagedList(
  (page) => request('get', '/api/v1/org-unit/projects', { params: { query: page } }),
  (reply) => reply.projects,
);

/** Milliseconds; agents tell how projects fare. */
const REFRESH = 30_000;

export function Component() {
  const can = useCan();
  const [, setQuery] = useSearchParams();
  const columns = useColumns();
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<{ dialog: Dialog; unit: Unit }>();
  const close = () => setAsked(undefined);
  const create = can('project:create') && (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
      New project
    </Button>
  );

  function actions(project: Project): RowAction[] {
    const ask = (dialog: Dialog) => () => setAsked({ dialog, unit: project });
    const change: RowAction[] = [
      { label: 'Edit…', icon: IconPencil, onClick: ask('edit') },
      { label: 'Quotas…', icon: IconChartBar, onClick: ask('quotas') },
      { label: 'Move…', icon: IconArrowsExchange, onClick: ask('move') },
    ];
    return [
      ...(can('project:update') ? change : []),
      ...(can('project:delete')
        ? [{ label: 'Delete…', icon: IconTrash, danger: true, onClick: ask('delete') }]
        : []),
    ];
  }

  return (
    <>
      <PageHeader
        title="Projects"
        text="Where workloads run: each has its quotas in every node pool, a namespace in its cluster, and people who may use it."
        actions={create}
      />
      <DataTable
        id="projects"
        label="Projects"
        source={source}
        columns={columns}
        rowId={(it) => it.id}
        search="Search projects"
        actions={actions}
        refetchInterval={REFRESH}
        detail={{
          title: (it) => it?.name ?? 'Project',
          render: (id) => <Details id={id} onAsk={(dialog, unit) => setAsked({ dialog, unit })} />,
        }}
        empty={
          <EmptyState
            icon={IconFolders}
            title="No projects yet"
            text="Make one for each team or piece of work that shares GPUs; it belongs to a department of a cluster, which bounds it."
            action={create}
          />
        }
      />
      {creating && (
        <CreateDialog
          kind="project"
          onClose={() => setCreating(false)}
          onMade={({ id }) => {
            setCreating(false);
            setQuery({ open: id });
          }}
        />
      )}
      {asked?.dialog === 'edit' && <EditDialog unit={asked.unit} onClose={close} />}
      {asked?.dialog === 'quotas' && <QuotaDialog unit={asked.unit} onClose={close} />}
      {asked?.dialog === 'move' && 'parentId' in asked.unit && (
        <MoveDialog project={asked.unit} onClose={close} />
      )}
      {asked?.dialog === 'delete' && <DeleteDialog unit={asked.unit} onClose={close} />}
    </>
  );
}
