/**
 * Changes one's own password.
 *
 * No "copy as curl" here: the line would hold two passwords, and clipboards are kept.
 */
import { Button, Group, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import type { ApiError } from '@/api/errors';
import { useAction } from '@/api/query';
import { request } from '@/api/request';
import { useSession } from '@/session/hooks';
import { FormError } from '@/ui/FormError';
import { PasswordField } from '@/ui/PasswordField';
import classes from './page.module.css';

interface Values {
  currentPassword: string;
  newPassword: string;
  again: string;
}

export function PasswordForm() {
  const { user } = useSession();
  const form = useForm<Values>({
    initialValues: { currentPassword: '', newPassword: '', again: '' },
    validate: {
      currentPassword: (value) => (value ? null : 'Enter your current password.'),
      newPassword: (value) => (value ? null : 'Choose a password.'),
      again: (value, { newPassword }) => (value === newPassword ? null : 'The two are not the same.'),
    },
  });
  const change = useAction({
    request: ({ currentPassword, newPassword }: Values) =>
      request('post', '/api/v1/me/password', { body: { currentPassword, newPassword } }),
    touches: [],
    done: 'Your password is changed. You are signed out everywhere else.',
    onDone: () => form.reset(),
    quiet: true,
  });
  const field = change.error ? fieldAbout(change.error) : undefined;
  const submit = form.onSubmit((values) =>
    change.mutate(values, {
      onError: (error) => {
        const wrong = fieldAbout(error);
        if (!wrong) return;
        form.setFieldError(wrong, error.message);
        form.getInputNode(wrong)?.focus();
      },
    }),
  );
  return (
    <div className={classes.card}>
      <form className={classes.form} onSubmit={submit} noValidate>
        <FormError error={field ? null : change.error} />
        {/* Lets password managers know whose password it is. */}
        <input type="text" name="username" autoComplete="username" value={user.email} readOnly hidden />
        <PasswordField
          label="Current password"
          autoComplete="current-password"
          {...form.getInputProps('currentPassword')}
        />
        <PasswordField
          label="New password"
          autoComplete="new-password"
          {...form.getInputProps('newPassword')}
        />
        <PasswordField
          label="New password, again"
          autoComplete="new-password"
          {...form.getInputProps('again')}
        />
        <Text size="sm" c="dimmed">
          Your other sessions end. Access keys go on working.
        </Text>
        <Group>
          <Button type="submit" loading={change.isPending}>
            Change password
          </Button>
        </Group>
      </form>
    </div>
  );
}

/** The field that the server's sentence is about: it speaks of “the current password” or “the password”. */
function fieldAbout({ status, message }: ApiError): 'currentPassword' | 'newPassword' | undefined {
  if (status !== 400) return undefined;
  if (message.startsWith('The current password')) return 'currentPassword';
  return /^(The (new )?password|This password)\b/.test(message) ? 'newPassword' : undefined;
}
