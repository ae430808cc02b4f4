/** In place of what could not be loaded: what happened, what is missing, and trying again. */
import { Button } from '@mantine/core';
import { IconCloudOff, IconLock } from '@tabler/icons-react';
import type { ApiError } from '@/api/errors';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorDetails } from '@/ui/notify';

interface Props {
  error: ApiError;
  onRetry?: () => void;
  compact?: boolean;
}

export function ErrorState({ error, onRetry, compact }: Props) {
  const refused = error.status === 403;
  return (
    <div role="alert">
      <EmptyState
        icon={refused ? IconLock : IconCloudOff}
        title={error.message}
        text={<ErrorDetails error={error} />}
        compact={compact ?? false}
        action={
          !refused && onRetry ? (
            <Button variant="default" onClick={onRetry}>
              Try again
            </Button>
          ) : undefined
        }
      />
    </div>
  );
}
