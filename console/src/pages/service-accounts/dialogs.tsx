/** The questions before a service account is stopped, started or deleted. */
import { request } from '@/api/request';
import { TOUCHES, type ServiceAccount } from '@/pages/service-accounts/columns';
import { ConfirmDialog } from '@/ui/ConfirmDialog';

interface Props {
  account: ServiceAccount;
  onClose: () => void;
}

export function EnableDialog({ account, onClose }: Props) {
  const { name, enabled } = account;
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={enabled ? `Disable the service account ${name}?` : `Enable the service account ${name}?`}
      action={enabled ? 'Disable' : 'Enable'}
      danger={enabled}
      request={request('patch', '/api/v1/service-accounts/{serviceAccountId}', {
        params: { path: { serviceAccountId: account.id } },
        body: { enabled: !enabled },
      })}
      touches={TOUCHES}
      done={`${name} is ${enabled ? 'disabled' : 'enabled'}.`}
    >
      {enabled
        ? 'It can no longer sign in, and the tokens it holds end at once. Its secret and its access rules are kept for when you enable it again.'
        : 'It can sign in again with its secret. Tokens from before it was disabled stay dead.'}
    </ConfirmDialog>
  );
}

export function DeleteDialog({ account, onClose }: Props) {
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Delete the service account ${account.name}?`}
      action="Delete"
      request={request('delete', '/api/v1/service-accounts/{serviceAccountId}', {
        params: { path: { serviceAccountId: account.id } },
      })}
      touches={TOUCHES}
      done={`${account.name} is deleted.`}
    >
      Its secret, its tokens and its access rules end at once. This cannot be undone; to stop it for a while,
      disable it instead.
    </ConfirmDialog>
  );
}
