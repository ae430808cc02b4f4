/** Short messages in the corner. Errors stay until they are closed: they are read late, or pasted somewhere. */
import { Anchor, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { Link } from 'react-router';
import type { ApiError } from '@/api/errors';

export function notifyDone(message: string): void {
  notifications.show({ message, icon: <IconCheck size={16} />, color: 'petrol', autoClose: 5000 });
}

export function notifyError(error: ApiError): void {
  notifications.show({
    title: error.message,
    message: <ErrorDetails error={error} />,
    icon: <IconAlertTriangle size={16} />,
    color: 'red',
    autoClose: false,
    role: 'alert',
  });
}

/** The second sentence of an error, and the way to the explanation of a refusal. */
export function ErrorDetails({ error }: { error: ApiError }) {
  return (
    <>
      {error.details && (
        <Text size="sm" c="dimmed">
          {error.details}
        </Text>
      )}
      {error.retryAfter !== undefined && <Text size="sm">Try again in {error.retryAfter} s.</Text>}
      {error.decision && (
        <Anchor component={Link} to={`/why?decision=${encodeURIComponent(error.decision.id)}`} size="sm">
          Why was this refused?
        </Anchor>
      )}
    </>
  );
}
