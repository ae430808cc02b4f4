import { Button, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { asApiError, fieldOf, type ApiError } from '@/api/errors';
import { session } from '@/session/store';
import { FormError } from '@/ui/FormError';
import { PasswordField } from '@/ui/PasswordField';
import classes from './page.module.css';

interface Props {
  account: { email: string; password: string };
  onBack: () => void;
}

/** Replaces a temporary password; signs in with the new one. */
export function NewPasswordForm({ account, onBack }: Props) {
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { newPassword: '', again: '' },
    validate: {
      newPassword: (value) => (value ? null : 'Choose a password.'),
      again: (value, { newPassword }) => (value === newPassword ? null : 'The two are not the same.'),
    },
  });

  async function submit({ newPassword }: { newPassword: string }) {
    setBusy(true);
    setError(undefined);
    try {
      await session.changePassword(account.email, account.password, newPassword);
    } catch (thrown) {
      const refused = asApiError(thrown);
      const field = fieldOf(refused, ['newPassword']);
      if (field) form.setFieldError(field.field, field.message);
      else setError(refused);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className={classes.form} onSubmit={form.onSubmit((values) => void submit(values))} noValidate>
      <Text size="sm" c="dimmed">
        The password of <b>{account.email}</b> is temporary. Replace it with one that only you know.
      </Text>
      <FormError error={error} />
      <PasswordField
        label="New password"
        autoComplete="new-password"
        data-autofocus
        key={form.key('newPassword')}
        {...form.getInputProps('newPassword')}
      />
      <PasswordField
        label="New password, again"
        autoComplete="new-password"
        key={form.key('again')}
        {...form.getInputProps('again')}
      />
      <Button type="submit" loading={busy} h={38} fullWidth>
        Set password and sign in
      </Button>
      <Button variant="subtle" color="gray" onClick={onBack} fullWidth>
        Back
      </Button>
    </form>
  );
}
