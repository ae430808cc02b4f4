/** Service accounts: what programs sign in with. Once called applications. */
import { Button } from '@mantine/core';
import {
  IconCalendarClock,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconRefresh,
  IconRobot,
  IconTrash,
} from '@tabler/icons-react';
import { useState } from 'react';
import { request } from '@/api/request';
import { columns, type ServiceAccount } from '@/pages/service-accounts/columns';
import { CreateFlow } from '@/pages/service-accounts/CreateFlow';
import { Details } from '@/pages/service-accounts/Details';
import { DeleteDialog, EnableDialog } from '@/pages/service-accounts/dialogs';
import { ExpiryDialog } from '@/pages/service-accounts/ExpiryDialog';
import { RenewDialog } from '@/pages/service-accounts/RenewDialog';
import { useCan } from '@/session/hooks';
import { DataTable } from '@/table/DataTable';
import { wholeList, type RowAction } from '@/table/types';
import { EmptyState } from '@/ui/EmptyState';
import { PageHeader } from '@/ui/PageHeader';

const source = wholeList(request('get', '/api/v1/service-accounts'), (reply) => reply);

type Dialog = 'renew' | 'expiry' | 'enable' | 'delete';

export function Component() {
  const can = useCan();
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<{ dialog: Dialog; account: ServiceAccount }>();
  const close = () => setAsked(undefined);
  const mayCreate = can('service-account:create');
  const create = mayCreate && (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
      New service account
    </Button>
  );

  function actions(account: ServiceAccount): RowAction[] {
    const ask = (dialog: Dialog) => () => setAsked({ dialog, account });
    const change: RowAction[] = [
      { label: 'Renew secret…', icon: IconRefresh, onClick: ask('renew') },
      { label: 'Change expiry…', icon: IconCalendarClock, onClick: ask('expiry') },
      account.enabled
        ? { label: 'Disable…', icon: IconPlayerPause, onClick: ask('enable') }
        : { label: 'Enable…', icon: IconPlayerPlay, onClick: ask('enable') },
    ];
    return [
      ...(can('service-account:update') ? change : []),
      ...(can('service-account:delete')
        ? [{ label: 'Delete…', icon: IconTrash, danger: true, onClick: ask('delete') }]
        : []),
    ];
  }

  return (
    <>
      <PageHeader
        title="Service accounts"
        text="What programs sign in with: a client ID and a secret, and access rules of their own. Formerly called applications."
        actions={create}
      />
      <DataTable
        id="service-accounts"
        label="Service accounts"
        source={source}
        columns={columns}
        rowId={(it) => it.id}
        search="Search service accounts"
        actions={actions}
        detail={{ title: (it) => it?.name ?? 'Service account', render: (id) => <Details id={id} /> }}
        empty={
          <EmptyState
            icon={IconRobot}
            title="No service accounts yet"
            text="Make one for each program that calls the API, so that each can be watched, limited and stopped on its own."
            action={create}
          />
        }
      />
      <CreateFlow opened={creating} onClose={() => setCreating(false)} />
      {asked?.dialog === 'renew' && <RenewDialog account={asked.account} onClose={close} />}
      {asked?.dialog === 'expiry' && <ExpiryDialog account={asked.account} onClose={close} />}
      {asked?.dialog === 'enable' && <EnableDialog account={asked.account} onClose={close} />}
      {asked?.dialog === 'delete' && <DeleteDialog account={asked.account} onClose={close} />}
    </>
  );
}
