/** Departments: the parts of an organization that projects belong to, and what each may give out. */
import { Button } from '@mantine/core';
import {
  IconBuilding,
  IconChartBar,
  IconFolders,
  IconPencil,
  IconPlus,
  IconTrash,
} from '@tabler/icons-react';
import { useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { request } from '@/api/request';
import { useColumns } from '@/pages/departments/columns';
import { Details, listOf } from '@/pages/departments/Details';
import { CreateDialog } from '@/pages/org-units/CreateDialog';
import { DeleteDialog } from '@/pages/org-units/dialogs';
import { EditDialog } from '@/pages/org-units/EditDialog';
import type { Dialog } from '@/pages/org-units/parts';
import { QuotaDialog } from '@/pages/org-units/QuotaDialog';
import type { Department, Unit } from '@/pages/org-units/units';
import { useCan } from '@/session/hooks';
import { DataTable } from '@/table/DataTable';
import { pagedList, type PageQuery, type RowAction } from '@/table/types';
import { EmptyState } from '@/ui/EmptyState';
import { PageHeader } from '@/ui/PageHeader';

/** The API has no `search` for departments; what their names contain it can filter by. */
function named({ search, filterBy = [], ...page }: PageQuery) {
  return {
    ...page,
    verbosity: 'verbose',
    filterBy: search ? [...filterBy, `name=@${search}`] : filterBy,
  };
}

const source = pagedList(
  (page) => request('get', '/api/v1/org-unit/departments', { params: { query: named(page) } }),
  (reply) => reply.departments,
);

const REFRESH = 30_000;

export function Component() {
  const can = useCan();
  const navigate = useNavigate();
  const [, setQuery] = useSearchParams();
  const columns = useColumns();
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<{ dialog: Dialog; unit: Unit }>();
  const close = () => setAsked(undefined);
  const create = can('department:create') && (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
      New department
    </Button>
  );

  function actions(department: Department): RowAction[] {
    const ask = (dialog: Dialog) => () => setAsked({ dialog, unit: department });
    const change: RowAction[] = [
      { label: 'Edit…', icon: IconPencil, onClick: ask('edit') },
      { label: 'Quotas…', icon: IconChartBar, onClick: ask('quotas') },
    ];
    return [
      ...(can('project:read')
        ? [{ label: 'Show projects', icon: IconFolders, onClick: () => void navigate(listOf(department)) }]
        : []),
      ...(can('department:update') ? change : []),
      ...(can('department:delete')
        ? [{ label: 'Delete…', icon: IconTrash, danger: true, onClick: ask('delete') }]
        : []),
    ];
  }

  return (
    <>
      <PageHeader
        title="Departments"
        text="Each has a share of a cluster and gives it on to its projects, together with rules that they inherit."
        actions={create}
      />
      <DataTable
        id="departments"
        label="Departments"
        source={source}
        columns={columns}
        rowId={(it) => it.id}
        search="Search departments"
        actions={actions}
        refetchInterval={REFRESH}
        detail={{
          title: (it) => it?.name ?? 'Department',
          render: (id) => <Details id={id} onAsk={(dialog, unit) => setAsked({ dialog, unit })} />,
        }}
        empty={
          <EmptyState
            icon={IconBuilding}
            title="No departments yet"
            text="Every cluster brings a default department, so make a cluster first. Then make one for each part of your organization that gets a share of its own."
            action={create}
          />
        }
      />
      {creating && (
        <CreateDialog
          kind="department"
          onClose={() => setCreating(false)}
          onMade={({ id }) => {
            setCreating(false);
            setQuery({ open: id });
          }}
        />
      )}
      {asked?.dialog === 'edit' && <EditDialog unit={asked.unit} onClose={close} />}
      {asked?.dialog === 'quotas' && <QuotaDialog unit={asked.unit} onClose={close} />}
      {asked?.dialog === 'delete' && <DeleteDialog unit={asked.unit} onClose={close} />}
    </>
  );
}
