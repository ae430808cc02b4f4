/** A program asks to sign in as the person: who asks, as whom, and where the answer goes. */
import { Button, Group, Skeleton, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useSearchParams } from 'react-router';
import { SignedInAs } from '@/ui/SignedInAs';
import { SignInForms } from '@/pages/sign-in/SignInForms';
import { useSessionState } from '@/session/hooks';
import { loginsApi, type Authorization } from '@/session/logins';
import { AskerCard } from '@/ui/AskerCard';
import { BarePage } from '@/ui/BarePage';
import { FormError } from '@/ui/FormError';
import { Note } from '@/ui/Note';

export function Component() {
  const [query] = useSearchParams();
  const id = query.get('request') ?? '';
  const asked = useQuery({
    queryKey: ['/api/v1/session/authorizations', id],
    queryFn: () => loginsApi.authorization(id),
    enabled: id !== '',
  });
  if (id === '' || asked.error?.status === 404) {
    return (
      <BarePage title="Nothing to sign in to" tab="Sign in">
        <Text size="sm">
          This sign-in has expired, or was never begun. Go back to the program that sent you here and start it
          again.
        </Text>
      </BarePage>
    );
  }
  if (!asked.data) {
    return (
      <BarePage title="Sign in">
        {asked.error ? <FormError error={asked.error} /> : <Skeleton h={140} />}
      </BarePage>
    );
  }
  return <Question id={id} asked={asked.data} />;
}

function Question({ id, asked }: { id: string; asked: Authorization }) {
  const state = useSessionState();
  const location = useLocation();
  // The session that was too old for the program: another one has another end.
  const [stale, setStale] = useState<string>();
  const session = state.phase === 'in' ? state.session : undefined;
  const decision = useMutation({
    mutationFn: (approve: boolean) => loginsApi.decide(id, approve),
    onSuccess: ({ redirectTo }) => window.location.assign(redirectTo),
    onError: (error) => {
      if (error.reason === 'sign-in-again') setStale(session?.sessionExpiresAt);
    },
  });
  const again = session !== undefined && session.sessionExpiresAt === stale;
  const card = (
    <AskerCard
      name={asked.clientName}
      clientId={asked.clientId}
      scopes={asked.scopes}
      facts={[['Answer to', destination(asked)]]}
    />
  );
  if (!session || again) {
    return (
      <BarePage title="Sign in to continue" tab="Sign in">
        {card}
        {again && <Note>The program wants you to sign in once more.</Note>}
        <SignInForms
          returnTo={location.pathname + location.search}
          email={again ? session.user.email : asked.loginHint}
        />
      </BarePage>
    );
  }
  if (decision.isSuccess) {
    return (
      <BarePage title="On your way back" tab="Sign in">
        <Text size="sm">{asked.clientName} has its answer. If nothing happens, this page can be closed.</Text>
      </BarePage>
    );
  }
  return (
    <BarePage title="Sign this program in?" tab="Sign in">
      {card}
      <SignedInAs session={session} />
      {decision.error && <FormError error={decision.error} />}
      <Group grow>
        <Button variant="default" h={38} disabled={decision.isPending} onClick={() => decision.mutate(false)}>
          Cancel
        </Button>
        <Button h={38} loading={decision.isPending} onClick={() => decision.mutate(true)}>
          Continue
        </Button>
      </Group>
      <Text size="xs" c="dimmed">
        Continue only if you started this yourself. The program gets a session of its own; it lasts until you
        log out there.
      </Text>
    </BarePage>
  );
}

function destination(asked: Authorization): string {
  if (asked.redirectHost === '') return 'You: a code to copy into your terminal';
  if (asked.onThisMachine) return `A program on this computer (${asked.redirectHost})`;
  return asked.redirectHost;
}
