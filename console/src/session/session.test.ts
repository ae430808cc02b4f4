import { describe, expect, it } from 'vitest';
import { SECTIONS, visibleSections } from '@/app/pages';
import { holds, permissionSet } from '@/session/permissions';
import { csrfFromCookie } from '@/session/protocol';
import { safeReturnTo, signInPath } from '@/session/returnTo';

const ORIGIN = 'https://runplane.example.com';

describe('where to go after signing in', () => {
  it.each(['/users', '/users?page=2&filter=name%3D%3Da', '/authorize?request=1', '/projects#top'])(
    'is %s',
    (path) => {
      expect(safeReturnTo(path, ORIGIN)).toBe(path);
    },
  );

  it.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example/',
    'javascript:alert(1)',
    '/\t/evil.example',
    '/a/..//evil.example',
    '/sign-in?returnTo=/',
    '/api/v1/users',
    '/auth/realms/runai',
    '',
    null,
    undefined,
  ])('is never %j', (path) => {
    expect(safeReturnTo(path, ORIGIN)).toBe('/');
  });

  it('is kept in the address of the sign-in page', () => {
    expect(signInPath('/', undefined, ORIGIN)).toBe('/sign-in');
    expect(signInPath('/users?page=2', 'inactive', ORIGIN)).toBe(
      '/sign-in?returnTo=%2Fusers%3Fpage%3D2&reason=inactive',
    );
    expect(signInPath('/', 'signed-out', ORIGIN)).toBe('/sign-in');
  });
});

describe('permissions', () => {
  const held = permissionSet([
    { resourceType: 'users', actions: ['read'] },
    { resourceType: 'roles', actions: ['read', 'create'] },
  ]);

  it('are held one by one', () => {
    expect(holds(held, 'users:read')).toBe(true);
    expect(holds(held, 'users:create')).toBe(false);
    expect(holds(held, ['users:create', 'roles:create'])).toBe(true);
    expect(holds(held, [])).toBe(true);
  });

  it('decide what the navigation shows', () => {
    const shown = visibleSections(
      (need) => holds(held, need),
      () => true,
    );
    expect(shown.flatMap((it) => it.entries.map((entry) => entry.path))).toEqual([
      '/',
      '/users',
      '/roles',
      '/why',
    ]);
  });

  it('show nothing that is not built', () => {
    const shown = visibleSections(
      () => true,
      (page) => page === 'users',
    );
    expect(shown.map((it) => it.title)).toEqual(['Access']);
  });

  it('name each page once', () => {
    const paths = SECTIONS.flatMap((it) => it.entries.map((entry) => entry.path));
    expect(new Set(paths).size).toBe(paths.length);
  });
});

it('the token against forged requests is read from its own cookie only', () => {
  expect(csrfFromCookie('a=1; __Host-runplane-csrf=abc%3D; b=2')).toBe('abc=');
  expect(csrfFromCookie('x__Host-runplane-csrf=abc')).toBeUndefined();
  expect(csrfFromCookie('')).toBeUndefined();
});
