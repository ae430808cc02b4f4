/** Every way to sign in, and the change of a temporary password; for the sign-in page and those like it. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { NewPasswordForm } from '@/pages/sign-in/NewPasswordForm';
import { PasswordForm } from '@/pages/sign-in/PasswordForm';
import { ProviderButtons } from '@/pages/sign-in/ProviderButtons';
import { optionsQuery } from '@/session/options';
import { Note } from '@/ui/Note';

interface Props {
  /** Where an identity provider leads back to. */
  returnTo: string;
  email?: string;
  /** Told when a temporary password has to be replaced, and when it no longer has. */
  onTemporary?: (isTemporary: boolean) => void;
}

export function SignInForms({ returnTo, email = '', onTemporary }: Props) {
  const { data: told, error } = useQuery(optionsQuery);
  const [temporary, setTemporary] = useState<{ email: string; password: string }>();
  const local = told?.localSignIn !== false;

  function change(account: { email: string; password: string } | undefined) {
    setTemporary(account);
    onTemporary?.(account !== undefined);
  }

  return (
    <>
      {told?.secureContextNeeded && (
        <Note tone="warn">
          This address is not encrypted, so browsers will not keep you signed in. Use https, or open the
          console on the computer that runs it.
        </Note>
      )}
      {error && <Note tone="bad">{error.message}</Note>}
      {temporary ? (
        <NewPasswordForm account={temporary} onBack={() => change(undefined)} />
      ) : (
        <>
          {local && <PasswordForm email={email} onTemporary={change} />}
          <ProviderButtons providers={told?.identityProviders ?? []} returnTo={returnTo} divided={local} />
        </>
      )}
    </>
  );
}
