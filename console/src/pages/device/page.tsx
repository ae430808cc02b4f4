/** Lets in a machine without a browser: type its code, see what asks and from where, decide. */
import { Button, Group, Skeleton, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useLocation, useSearchParams } from 'react-router';
import { SignedInAs } from '@/ui/SignedInAs';
import { isComplete, shownCode } from '@/pages/device/code';
import { SignInForms } from '@/pages/sign-in/SignInForms';
import { useSessionState } from '@/session/hooks';
import { loginsApi } from '@/session/logins';
import type { SessionReply } from '@/session/types';
import { AskerCard } from '@/ui/AskerCard';
import { BarePage } from '@/ui/BarePage';
import { FormError } from '@/ui/FormError';
import { TimeAgo } from '@/ui/TimeAgo';
import classes from './page.module.css';

const PARAMETER = 'user_code';

export function Component() {
  const state = useSessionState();
  const location = useLocation();
  const [query, setQuery] = useSearchParams();
  const code = shownCode(query.get(PARAMETER) ?? '');
  const setCode = (chosen: string) => setQuery(chosen ? { [PARAMETER]: chosen } : {}, { replace: true });
  if (state.phase !== 'in') {
    return (
      <BarePage title="Sign in to let a machine in" tab="Device sign-in">
        <SignInForms returnTo={location.pathname + location.search} />
      </BarePage>
    );
  }
  return isComplete(code) ? (
    <Decision key={code} code={code} session={state.session} onBack={() => setCode('')} />
  ) : (
    <CodeForm begin={code} onCode={setCode} />
  );
}

function CodeForm({ begin, onCode }: { begin: string; onCode: (code: string) => void }) {
  const [code, setCode] = useState(begin);
  const [missing, setMissing] = useState(false);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (isComplete(code)) onCode(code);
    else setMissing(true);
  }

  return (
    <BarePage title="Enter the code" tab="Device sign-in">
      <form className={classes.form} onSubmit={submit}>
        <TextInput
          label="Code shown by your machine"
          description="Eight letters, such as BCDF-GHJK."
          classNames={{ input: classes.code }}
          value={code}
          onChange={(event) => {
            setCode(shownCode(event.currentTarget.value));
            setMissing(false);
          }}
          error={missing ? 'The code has eight letters.' : undefined}
          placeholder="XXXX-XXXX"
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          data-autofocus
        />
        <Button type="submit" h={38} fullWidth>
          Continue
        </Button>
      </form>
    </BarePage>
  );
}

interface DecisionProps {
  code: string;
  session: SessionReply;
  onBack: () => void;
}

function Decision({ code, session, onBack }: DecisionProps) {
  const found = useQuery({
    queryKey: ['/api/v1/session/devices', code],
    queryFn: () => loginsApi.device(code),
    // A wrong code counts as a guess: never ask again by oneself.
    retry: false,
    staleTime: Infinity,
    gcTime: 0,
  });
  const decision = useMutation({
    mutationFn: (approve: boolean) => loginsApi.decideDevice(code, approve).then(() => approve),
  });
  if (decision.isSuccess) {
    return (
      <BarePage title={decision.data ? 'The machine is signed in' : 'The machine was refused'}>
        <Text size="sm">
          {decision.data
            ? 'Go back to it: it continues within a few seconds. This page can be closed.'
            : 'It gets nothing. This page can be closed.'}
        </Text>
      </BarePage>
    );
  }
  if (!found.data) {
    return (
      <BarePage
        title={found.error ? 'This code does not fit' : 'Looking for the machine'}
        tab="Device sign-in"
      >
        {found.error ? <FormError error={found.error} /> : <Skeleton h={170} />}
        {found.error && (
          <Button variant="default" onClick={onBack} h={38} fullWidth>
            Enter another code
          </Button>
        )}
      </BarePage>
    );
  }
  const device = found.data;
  return (
    <BarePage title="Let this machine in?" tab="Device sign-in">
      <AskerCard
        name={device.clientName}
        clientId={device.clientId}
        scopes={device.scopes}
        facts={[
          ['Its code', <code key="code">{code}</code>],
          ['Asked from', <code key="from">{device.sourceAddress}</code>],
          ['Asked', <TimeAgo key="at" at={device.requestedAt} />],
        ]}
      />
      <SignedInAs session={session} />
      <Text size="sm">
        Go on only if you started this yourself just now and your machine shows the same code. Whoever sent
        you a code could otherwise act as you.
      </Text>
      {decision.error && <FormError error={decision.error} />}
      <Group grow>
        <Button variant="default" h={38} disabled={decision.isPending} onClick={() => decision.mutate(false)}>
          Refuse
        </Button>
        <Button h={38} loading={decision.isPending} onClick={() => decision.mutate(true)}>
          Let it in
        </Button>
      </Group>
    </BarePage>
  );
}
