/** An address of the console where there is nothing. */
import { Button } from '@mantine/core';
import { IconMapOff } from '@tabler/icons-react';
import { Link, useLocation } from 'react-router';
import { EmptyState } from '@/ui/EmptyState';
import { PageHeader } from '@/ui/PageHeader';

export function Component() {
  const { pathname } = useLocation();
  return (
    <>
      <PageHeader title="There is no such page" />
      <EmptyState
        icon={IconMapOff}
        title="Nothing is at this address"
        text={
          <>
            The console has no page <code>{pathname}</code>. It may be mistyped, or belong to another version.
          </>
        }
        action={
          <Button component={Link} to="/" variant="default">
            Go to the start
          </Button>
        }
      />
    </>
  );
}
