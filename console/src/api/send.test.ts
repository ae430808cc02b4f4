import { afterEach, expect, it, vi } from 'vitest';
import { touched } from '@/api/query';
import { request } from '@/api/request';
import { send, setTokenSource } from '@/api/send';

const sent = request('get', '/api/v1/tenants');

/** A server that answers 401 to all tokens but `good`. */
function serve(good: string) {
  const seen: (string | null)[] = [];
  vi.stubGlobal('fetch', (_url: string, init: RequestInit) => {
    const header = new Headers(init.headers).get('Authorization');
    seen.push(header);
    return Promise.resolve(
      header === `Bearer ${good}`
        ? new Response('[]', { status: 200 })
        : new Response('{"message": "Sign in.", "reason": "expired"}', { status: 401 }),
    );
  });
  return seen;
}

afterEach(() => vi.unstubAllGlobals());

it('a refused token is renewed once and the call repeated', async () => {
  const seen = serve('new');
  let token = 'old';
  setTokenSource({ token: () => token, renew: () => Promise.resolve((token = 'new') === 'new') });
  expect(await send(sent)).toEqual([]);
  expect(seen).toEqual(['Bearer old', 'Bearer new']);
});

it('a second refusal is final', async () => {
  const seen = serve('never');
  setTokenSource({ token: () => 'old', renew: () => Promise.resolve(true) });
  await expect(send(sent)).rejects.toMatchObject({ status: 401, reason: 'expired' });
  expect(seen).toHaveLength(2);
});

it('a session that cannot be renewed is not tried again', async () => {
  const seen = serve('never');
  setTokenSource({ token: () => 'old', renew: () => Promise.resolve(false) });
  await expect(send(sent)).rejects.toMatchObject({ status: 401 });
  expect(seen).toHaveLength(1);
});

it('no answer at all is an error with status 0', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
  await expect(send(sent)).rejects.toMatchObject({ status: 0, isTemporary: true });
});

it('a write makes the family and what is below it old, and nothing else', () => {
  const touches = ['/api/v1/users'];
  expect(touched('/api/v1/users', touches)).toBe(true);
  expect(touched('/api/v1/users/{userId}', touches)).toBe(true);
  expect(touched('/api/v1/users-and-more', touches)).toBe(false);
  expect(touched(undefined, touches)).toBe(false);
});
