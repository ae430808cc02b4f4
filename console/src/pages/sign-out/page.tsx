/** Asks before signing out: a link of anybody can lead here. */
import { Anchor, Button, Text } from '@mantine/core';
import { Link } from 'react-router';
import { SignedInAs } from '@/ui/SignedInAs';
import { useSessionState } from '@/session/hooks';
import { session } from '@/session/store';
import { BarePage } from '@/ui/BarePage';

export function Component() {
  const state = useSessionState();
  if (state.phase !== 'in') {
    return (
      <BarePage title="You are signed out" tab="Sign out">
        <Anchor component={Link} to="/sign-in" size="sm">
          Sign in
        </Anchor>
      </BarePage>
    );
  }
  return (
    <BarePage title="Sign out?" tab="Sign out">
      <Text size="sm">
        This ends the session of this browser. Command lines that you signed in have their own; log out there.
      </Text>
      <SignedInAs session={state.session} changeable={false} />
      <Button h={38} fullWidth onClick={() => void session.signOut()}>
        Sign out
      </Button>
    </BarePage>
  );
}
