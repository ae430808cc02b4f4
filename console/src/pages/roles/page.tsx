/** Roles: what people can be given, predefined and custom, with what each permits. */
import { Button } from '@mantine/core';
import { IconPencil, IconPlus, IconShieldCheck, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { request } from '@/api/request';
import { columns, TOUCHES, type Role } from '@/pages/roles/columns';
import { Details } from '@/pages/roles/Details';
import { RoleForm } from '@/pages/roles/RoleForm';
import { useCan } from '@/session/hooks';
import { DataTable } from '@/table/DataTable';
import { wholeList, type RowAction } from '@/table/types';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { PageHeader } from '@/ui/PageHeader';

const source = wholeList(request('get', '/api/v2/authorization/roles'), (reply) => reply);

/** What is open; `role` is missing for a new one. */
type Asked = { dialog: 'form'; role?: Role } | { dialog: 'delete'; role: Role };

export function Component() {
  const can = useCan();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const create = can('roles:create') && (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setAsked({ dialog: 'form' })}>
      New custom role
    </Button>
  );

  function actions(role: Role): RowAction[] {
    const disabled = role.custom ? undefined : 'Predefined roles stay as they are.';
    return [
      ...(can('roles:update')
        ? [{ label: 'Edit…', icon: IconPencil, onClick: () => setAsked({ dialog: 'form', role }), disabled }]
        : []),
      ...(can('roles:delete')
        ? [
            {
              label: 'Delete…',
              icon: IconTrash,
              danger: true,
              onClick: () => setAsked({ dialog: 'delete', role }),
              disabled,
            },
          ]
        : []),
    ];
  }

  return (
    <>
      <PageHeader
        title="Roles"
        text="A role is a list of permissions. An access rule gives it to somebody, in a scope."
        actions={create}
      />
      <DataTable
        id="roles"
        label="Roles"
        source={source}
        columns={columns}
        rowId={(it) => String(it.id)}
        search="Search roles"
        actions={actions}
        detail={{ title: (it) => it?.name ?? 'Role', render: (id) => <Details id={id} /> }}
        empty={<EmptyState icon={IconShieldCheck} title="No roles" action={create} />}
      />
      {asked?.dialog === 'form' && <RoleForm role={asked.role} onClose={close} />}
      {asked?.dialog === 'delete' && (
        <ConfirmDialog
          opened
          onClose={close}
          title={`Delete the role ${asked.role.name}?`}
          action="Delete"
          request={request('delete', '/api/v2/authorization/roles/{roleIdPath}', {
            params: { path: { roleIdPath: String(asked.role.id) } },
          })}
          touches={TOUCHES}
          done={`The role ${asked.role.name} is deleted.`}
        >
          A role that access rules name cannot be deleted: disable it to take it from everybody at once, then
          delete its access rules. This cannot be undone.
        </ConfirmDialog>
      )}
    </>
  );
}
