import { SecretOnce } from '@/ui/SecretOnce';

/** What to hand over to a person who is to sign in for the first time, or again. */
export function TemporaryPassword({ email, password }: { email: string; password: string }) {
  return (
    <SecretOnce
      what="temporary password"
      items={[
        { label: 'E-mail', value: email, variable: 'EMAIL' },
        { label: 'Password', value: password, variable: 'PASSWORD' },
      ]}
    />
  );
}
