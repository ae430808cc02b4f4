/** As whom the program would sign in, and the way to be somebody else. */
import { Anchor, Avatar, Text } from '@mantine/core';
import { session as store } from '@/session/store';
import type { SessionReply } from '@/session/types';
import classes from './SignedInAs.module.css';

interface Props {
  session: SessionReply;
  /** False where the page is about signing out anyway. */
  changeable?: boolean;
}

export function SignedInAs({ session, changeable = true }: Props) {
  return (
    <div className={classes.row}>
      <Avatar size={32} radius="xl" color="petrol" aria-hidden>
        {session.user.email.slice(0, 1).toUpperCase()}
      </Avatar>
      <div className={classes.who}>
        <Text size="sm" fw={500} className={classes.email}>
          {session.user.email}
        </Text>
        <Text size="xs" c="dimmed">
          Signed in at {session.tenant.name}
        </Text>
      </div>
      {changeable && (
        <Anchor component="button" type="button" size="xs" onClick={() => void store.signOut()}>
          Not you?
        </Anchor>
      )}
    </div>
  );
}
