import { Button, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { asApiError, type ApiError } from '@/api/errors';
import { session } from '@/session/store';
import { FormError } from '@/ui/FormError';
import { PasswordField } from '@/ui/PasswordField';
import classes from './page.module.css';

interface Account {
  email: string;
  password: string;
}

interface Props {
  /** To begin with. */
  email?: string;
  /** Told when the password is right but has to be replaced first. */
  onTemporary: (account: Account) => void;
}

/** E-mail and password. */
export function PasswordForm({ email: known = '', onTemporary }: Props) {
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const form = useForm<Account>({
    mode: 'uncontrolled',
    initialValues: { email: known, password: '' },
    validate: {
      email: (value) => (value.trim() ? null : 'Enter your e-mail address.'),
      password: (value) => (value ? null : 'Enter your password.'),
    },
  });

  async function submit({ email, password }: Account) {
    setBusy(true);
    setError(undefined);
    try {
      await session.signIn(email.trim(), password);
    } catch (thrown) {
      const refused = asApiError(thrown);
      if (refused.reason === 'password-change-required')
        return onTemporary({ email: email.trim(), password });
      setError(refused);
      form.getInputNode('password')?.focus();
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className={classes.form} onSubmit={form.onSubmit((values) => void submit(values))} noValidate>
      <FormError error={error} />
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="username"
        data-autofocus={known === '' || undefined}
        autoCapitalize="none"
        spellCheck={false}
        key={form.key('email')}
        {...form.getInputProps('email')}
      />
      <PasswordField
        label="Password"
        autoComplete="current-password"
        data-autofocus={known !== '' || undefined}
        key={form.key('password')}
        {...form.getInputProps('password')}
      />
      <Button type="submit" loading={busy} h={38} fullWidth>
        Sign in
      </Button>
    </form>
  );
}
