import { request } from '@/api/request';
import { TOUCHES, type ServiceAccount } from '@/pages/service-accounts/columns';
import { RenewSecretDialog } from '@/ui/RenewSecretDialog';

/** A new secret for the account, with or without overlap. */
export function RenewDialog({ account, onClose }: { account: ServiceAccount; onClose: () => void }) {
  return (
    <RenewSecretDialog
      name={account.name}
      clientId={account.clientId}
      hint="To end them too, disable the service account."
      request={(query) =>
        request('post', '/api/v1/service-accounts/{serviceAccountId}/secret', {
          params: { path: { serviceAccountId: account.id }, query },
        })
      }
      touches={TOUCHES}
      onClose={onClose}
    />
  );
}
