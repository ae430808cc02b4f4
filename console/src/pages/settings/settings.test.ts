import { describe, expect, it } from 'vitest';
import { wrongWith } from '@/pages/settings/logo';
import { isDefault, LOGOUT, minutes, REDIRECT, TIMEOUT } from '@/pages/settings/security';

describe('settings in words', () => {
  it.each([
    [1, '1 minute'],
    [60, '60 minutes'],
    [120, '2 hours'],
    [150, '150 minutes'],
  ])('%d minutes', (count, words) => expect(minutes(count)).toBe(words));

  it('no limit is never', () => expect(TIMEOUT.words({ idleTimeout: null })).toBe('Never'));

  it('a switch that is off hides its provider', () => {
    expect(REDIRECT.words({ enabled: false, idpAlias: 'oidc' })).toBe('Off');
    expect(REDIRECT.words({ enabled: true, idpAlias: 'oidc' })).toBe('oidc');
  });

  it('knows the default', () => {
    expect(isDefault(LOGOUT, { uri: '' })).toBe(true);
    expect(isDefault(LOGOUT, { uri: 'https://example.com' })).toBe(false);
  });
});

describe('a file as a logo', () => {
  it('may be a small picture', () => {
    expect(wrongWith({ type: 'image/png', size: 128 * 1024 })).toBeUndefined();
  });

  it.each([
    ['image/svg+xml', 100, /scripts/],
    ['application/pdf', 100, /PNG, JPEG or WebP/],
    ['image/png', 128 * 1024 + 1, /at most 128 KB; this one has 129/],
  ])('%s of %d bytes is refused', (type, size, sentence) => {
    expect(wrongWith({ type, size })).toMatch(sentence);
  });
});
