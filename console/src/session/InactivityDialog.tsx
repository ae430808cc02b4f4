/** "Are you still there?": shown before the session ends for lack of use, long enough to be answered. */
import { Button, Group, Modal, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useSessionState } from '@/session/hooks';
import { session } from '@/session/store';

export function InactivityDialog() {
  const state = useSessionState();
  const open = state.phase === 'in' && state.warning;
  return (
    <Modal
      opened={open}
      onClose={() => void session.stay()}
      title="Are you still there?"
      withCloseButton={false}
      closeOnClickOutside={false}
    >
      {open && <Countdown endsAt={state.endsAt} />}
      <Group justify="flex-end" gap="xs" mt="lg">
        <Button variant="default" onClick={() => void session.signOut()}>
          Sign out
        </Button>
        <Button data-autofocus onClick={() => void session.stay()}>
          Stay signed in
        </Button>
      </Group>
    </Modal>
  );
}

function Countdown({ endsAt }: { endsAt: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((endsAt - now) / 1000));
  return (
    <Text size="sm">
      You have not used the console for a while. To protect your account you will be signed out in{' '}
      <b className="tabular">{seconds} s</b>. What you have typed but not saved would be lost.
    </Text>
  );
}
