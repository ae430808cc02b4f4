/** Asks before something is lost: names the thing, says what follows, and shows why it could not be done. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useAction } from '@/api/query';
import type { ApiRequest } from '@/api/request';
import { CurlButton } from '@/ui/CurlButton';
import { FormError } from '@/ui/FormError';

interface Props {
  opened: boolean;
  onClose: () => void;
  /** The question, with the name: `Delete the service account “ci”?` */
  title: string;
  /** What follows from it. */
  children: ReactNode;
  /** The verb on the button. */
  action: string;
  request: ApiRequest;
  touches: readonly string[];
  done: string;
  /** False for what can be taken back, such as disabling. */
  danger?: boolean;
}

export function ConfirmDialog(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title}>
      {/* A new dialog each time: the error of the last one is not this one's. */}
      <Question {...props} />
    </Modal>
  );
}

function Question({ onClose, children, action, request, touches, done, danger = true }: Props) {
  const run = useAction({ request: () => request, touches, done, onDone: onClose, quiet: true });
  return (
    <Stack gap="md">
      <FormError error={run.error} />
      <Text size="sm" component="div">
        {children}
      </Text>
      <Group justify="flex-end" gap="xs">
        <CurlButton request={() => request} />
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button {...(danger ? { color: 'red.8' } : {})} loading={run.isPending} onClick={() => run.mutate()}>
          {action}
        </Button>
      </Group>
    </Stack>
  );
}
