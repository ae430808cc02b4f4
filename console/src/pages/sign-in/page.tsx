/** Sign in with e-mail and password or with an identity provider; replace a temporary password. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { SignInForms } from '@/pages/sign-in/SignInForms';
import { useSessionState } from '@/session/hooks';
import { optionsQuery } from '@/session/options';
import { safeReturnTo } from '@/session/returnTo';
import { BarePage } from '@/ui/BarePage';
import { Note } from '@/ui/Note';

const REASONS: Readonly<Record<string, string>> = {
  expired: 'Your session has reached its end. Sign in again to go on where you were.',
  inactive: 'You were signed out because the console was not used for a while.',
  ended: 'Your session was ended. Sign in again to go on where you were.',
};

export function Component() {
  const state = useSessionState();
  const navigate = useNavigate();
  const [query] = useSearchParams();
  const { data: told } = useQuery(optionsQuery);
  const [temporary, setTemporary] = useState(false);
  const returnTo = safeReturnTo(query.get('returnTo'));
  const reason = REASONS[query.get('reason') ?? ''];

  useEffect(() => {
    if (state.phase === 'in') void navigate(returnTo, { replace: true });
  }, [state.phase, navigate, returnTo]);

  const title = temporary ? 'Choose your password' : told ? `Sign in to ${told.tenant}` : 'Sign in';
  return (
    <BarePage title={title} tab="Sign in">
      {reason && !temporary && <Note>{reason}</Note>}
      <SignInForms returnTo={returnTo} onTemporary={setTemporary} />
    </BarePage>
  );
}
