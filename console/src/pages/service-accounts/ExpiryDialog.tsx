import { useForm } from '@mantine/form';
import { request } from '@/api/request';
import { TOUCHES, type ServiceAccount } from '@/pages/service-accounts/columns';
import { ExpiryField } from '@/ui/ExpiryField';
import { FormDialog } from '@/ui/FormDialog';

/** When the account ends. Later, earlier, or never. */
export function ExpiryDialog({ account, onClose }: { account: ServiceAccount; onClose: () => void }) {
  const form = useForm<{ expiresAt: string | null }>({ initialValues: { expiresAt: account.expiresAt } });
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={`Expiry of ${account.name}`}
      form={form}
      request={({ expiresAt }) =>
        request('patch', '/api/v1/service-accounts/{serviceAccountId}', {
          params: { path: { serviceAccountId: account.id } },
          body: { expiresAt },
        })
      }
      touches={TOUCHES}
      done="The expiry is changed."
      submit="Change expiry"
    >
      <ExpiryField
        value={form.values.expiresAt}
        onChange={(at) => form.setFieldValue('expiresAt', at)}
        error={form.errors.expiresAt as string | undefined}
      />
    </FormDialog>
  );
}
