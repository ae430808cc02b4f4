/** The questions before something is done to a person's account. */
import { Button, Group, Stack, Text } from '@mantine/core';
import { useAction } from '@/api/query';
import { request } from '@/api/request';
import { TOUCHES, type User } from '@/pages/users/columns';
import { TemporaryPassword } from '@/pages/users/TemporaryPassword';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { CurlButton } from '@/ui/CurlButton';
import { FormError } from '@/ui/FormError';
import { SecretModal } from '@/ui/SecretModal';

interface Props {
  user: User;
  onClose: () => void;
}

export function ResetDialog({ user, onClose }: Props) {
  const call = () =>
    request('post', '/api/v1/users/{userId}/password', { params: { path: { userId: user.id } } });
  const reset = useAction({ request: call, touches: TOUCHES, quiet: true });
  const password = reset.data?.tempPassword;
  return (
    <SecretModal
      opened
      onClose={onClose}
      title={password ? `New password of ${user.username}` : `Reset the password of ${user.username}?`}
      size={480}
      locked={password !== undefined}
    >
      {password ? (
        <Stack gap="md">
          <TemporaryPassword email={user.username} password={password} />
          <Text size="sm" c="dimmed">
            It must be replaced at the next sign-in.
          </Text>
          <Group justify="flex-end">
            <Button onClick={onClose}>I have kept the password</Button>
          </Group>
        </Stack>
      ) : (
        <Stack gap="md">
          <FormError error={reset.error} />
          <Text size="sm">
            You get a temporary password to hand over. The present one stops working, and the person is signed
            out everywhere. Access rules stay.
          </Text>
          <Group justify="flex-end" gap="xs">
            <CurlButton request={call} />
            <Button variant="default" onClick={onClose} data-autofocus>
              Cancel
            </Button>
            <Button color="red.8" loading={reset.isPending} onClick={() => reset.mutate()}>
              Reset password
            </Button>
          </Group>
        </Stack>
      )}
    </SecretModal>
  );
}

export function SignOutDialog({ user, onClose }: Props) {
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Sign ${user.username} out everywhere?`}
      action="Sign out"
      request={request('post', '/api/v1/users/{userId}/logout', { params: { path: { userId: user.id } } })}
      touches={TOUCHES}
      done={`${user.username} is signed out.`}
    >
      All sessions and tokens end at once, those that access keys got too. The keys stay, and the person can
      sign in again.
    </ConfirmDialog>
  );
}

export function DeleteDialog({ user, onClose }: Props) {
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Delete the user ${user.username}?`}
      action="Delete"
      request={request('delete', '/api/v1/users/{userId}', { params: { path: { userId: user.id } } })}
      touches={TOUCHES}
      done={`${user.username} is deleted.`}
    >
      The person&apos;s access rules, access keys and sessions end at once. This cannot be undone.
    </ConfirmDialog>
  );
}
