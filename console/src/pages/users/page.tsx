/** Users: the people of the tenant, local and of an identity provider. */
import { Button } from '@mantine/core';
import { IconLogout, IconPassword, IconPlus, IconTrash, IconUsers } from '@tabler/icons-react';
import { useState } from 'react';
import { request } from '@/api/request';
import { columns, type User } from '@/pages/users/columns';
import { CreateFlow } from '@/pages/users/CreateFlow';
import { Details } from '@/pages/users/Details';
import { DeleteDialog, ResetDialog, SignOutDialog } from '@/pages/users/dialogs';
import { useCan, useSession } from '@/session/hooks';
import { DataTable } from '@/table/DataTable';
import { pagedList, type RowAction } from '@/table/types';
import { EmptyState } from '@/ui/EmptyState';
import { PageHeader } from '@/ui/PageHeader';

const source = pagedList(
  (page) => request('get', '/api/v1/users', { params: { query: page } }),
  (reply) => reply,
);

type Dialog = 'reset' | 'sign-out' | 'delete';

export function Component() {
  const can = useCan();
  const me = useSession().user.id;
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<{ dialog: Dialog; user: User }>();
  const close = () => setAsked(undefined);
  const create = can('users:create') && (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
      New local user
    </Button>
  );

  function actions(user: User): RowAction[] {
    const ask = (dialog: Dialog) => () => setAsked({ dialog, user });
    const change: RowAction[] = [
      {
        label: 'Reset password…',
        icon: IconPassword,
        onClick: ask('reset'),
        disabled: noReset(user, me),
      },
      { label: 'Sign out everywhere…', icon: IconLogout, onClick: ask('sign-out') },
    ];
    return [
      ...(can('users:update') ? change : []),
      ...(can('users:delete')
        ? [
            {
              label: 'Delete…',
              icon: IconTrash,
              danger: true,
              onClick: ask('delete'),
              disabled: user.id === me ? 'You cannot delete yourself.' : undefined,
            },
          ]
        : []),
    ];
  }

  return (
    <>
      <PageHeader
        title="Users"
        text="The people of this tenant. A user by itself may do nothing: access rules say who may do what, and where."
        actions={create}
      />
      <DataTable
        id="users"
        label="Users"
        source={source}
        columns={columns}
        rowId={(it) => it.id}
        search="Search users"
        actions={actions}
        detail={{ title: (it) => it?.username ?? 'User', render: (id) => <Details id={id} /> }}
        empty={
          <EmptyState
            icon={IconUsers}
            title="No users yet"
            text="Make a local user, or connect an identity provider: its people appear here when they first sign in."
            action={create}
          />
        }
      />
      <CreateFlow opened={creating} onClose={() => setCreating(false)} />
      {asked?.dialog === 'reset' && <ResetDialog user={asked.user} onClose={close} />}
      {asked?.dialog === 'sign-out' && <SignOutDialog user={asked.user} onClose={close} />}
      {asked?.dialog === 'delete' && <DeleteDialog user={asked.user} onClose={close} />}
    </>
  );
}

/** Why somebody's password cannot be reset here; undefined where it can. */
function noReset(user: User, me: string): string | undefined {
  if (!user.isLocal) return 'The identity provider keeps this password.';
  return user.id === me ? 'Change your own password in the user settings.' : undefined;
}
