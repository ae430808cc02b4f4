import { Button, Divider, Stack } from '@mantine/core';
import { IconLogin2 } from '@tabler/icons-react';
import type { IdentityProvider } from '@/session/types';

interface Props {
  providers: readonly IdentityProvider[];
  returnTo: string;
  /** Whether there is a form above. */
  divided: boolean;
}

/** "Continue with SSO", one button for each identity provider that has an address to go to. */
export function ProviderButtons({ providers, returnTo, divided }: Props) {
  // An address of another origin would be none of ours; `//host` is one.
  const usable = providers.filter((it) => /^\/(?![/\\])/.test(it.signInUrl ?? ''));
  if (usable.length === 0) return null;
  return (
    <Stack gap="sm">
      {divided && <Divider label="or" />}
      {usable.map((it) => (
        <Button
          key={it.alias}
          component="a"
          href={`${it.signInUrl}${it.signInUrl?.includes('?') ? '&' : '?'}returnTo=${encodeURIComponent(returnTo)}`}
          variant="default"
          h={38}
          leftSection={<IconLogin2 size={16} />}
        >
          Continue with {it.displayName ?? it.alias}
        </Button>
      ))}
    </Stack>
  );
}
