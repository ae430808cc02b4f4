/** What every component may count on: theme and cache. Tests wrap what they render in it too. */
import { MantineProvider, localStorageColorSchemeManager } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { queryClient } from '@/api/query';
import { theme, variables } from '@/theme/theme';

const colorScheme = localStorageColorSchemeManager({ key: 'runplane.color-scheme' });

interface Props {
  nonce: string;
  /** `test` leaves out transitions. */
  env?: 'default' | 'test';
  children: ReactNode;
}

export function Providers({ nonce, env = 'default', children }: Props) {
  return (
    <MantineProvider
      theme={theme}
      env={env}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      colorSchemeManager={colorScheme}
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
    </MantineProvider>
  );
}
