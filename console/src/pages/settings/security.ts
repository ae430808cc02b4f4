/**
 * The security settings as data: what each is for, what it is while nobody has chosen, its value in words. Pure.
 *
 * The API does not say the defaults; a browser test compares these with a server that was never configured.
 */
import type { components } from '@/api/schema';

export type Security = components['schemas']['SecuritySettingsOut'];
export type SecurityKey = keyof Security;

export interface SecurityText<Key extends SecurityKey> {
  key: Key;
  title: string;
  text: string;
  fallback: Security[Key];
  words: (value: Security[Key]) => string;
}

export const TIMEOUT: SecurityText<'browserSessionTimeout'> = {
  key: 'browserSessionTimeout',
  title: 'Sign out after inactivity',
  text: 'A browser that nobody uses for this long has to sign in again. It asks before.',
  fallback: { idleTimeout: 60 },
  words: ({ idleTimeout }) => (idleTimeout === null ? 'Never' : minutes(idleTimeout)),
};

export const REDIRECT: SecurityText<'autoRedirectSSO'> = {
  key: 'autoRedirectSSO',
  title: 'Go straight to single sign-on',
  text: 'Skips the sign-in page and sends people to the identity provider with this alias. It is kept, and does nothing while there is no identity provider.',
  fallback: { enabled: false, idpAlias: null },
  words: ({ enabled, idpAlias }) => (enabled ? (idpAlias ?? 'On') : 'Off'),
};

export const LOGOUT: SecurityText<'logoutRedirectUri'> = {
  key: 'logoutRedirectUri',
  title: 'Address after signing out',
  text: 'Where browsers are sent after they signed out. It is kept for programs that read it; this console does not follow it yet.',
  fallback: { uri: null },
  words: ({ uri }) => uri || 'The sign-in page',
};

/** Whether a setting has the value that it has while nobody has chosen one. */
export function isDefault<Key extends SecurityKey>(
  { words, fallback }: SecurityText<Key>,
  value: Security[Key],
) {
  return words(value) === words(fallback);
}

/** Such as "1 minute", "90 minutes", "2 hours". */
export function minutes(count: number): string {
  const [value, unit] = count >= 120 && count % 60 === 0 ? [count / 60, 'hour'] : [count, 'minute'];
  return `${String(value)} ${unit}${value === 1 ? '' : 's'}`;
}
