/** Signing out where the server cannot be reached: the browser must not go on with the session after all. */
import { expect, it, vi } from 'vitest';
import { csrfFromCookie } from '@/session/protocol';
import { SessionStore } from '@/session/store';

const REPLY = {
  accessToken: 'token',
  expiresIn: 300,
  user: { id: 'u', email: 'ada@example.com' },
  tenant: { id: 1, name: 'runai' },
  inactivitySeconds: 3600,
  csrfToken: 'abc',
  sessionExpiresAt: new Date(Date.now() + 3_600_000).toISOString(),
};

/** A document that keeps cookies as a browser does, as far as this needs it. */
function cookies(line: string) {
  const kept = new Map([[line.split('=')[0], line]]);
  return {
    get cookie() {
      return [...kept.values()].join('; ');
    },
    set cookie(set: string) {
      const pair = set.split(';')[0] ?? '';
      if (/max-age=0/i.test(set)) kept.delete(pair.split('=')[0]);
      else kept.set(pair.split('=')[0], pair);
    },
  };
}

it.each(['reached', 'not reached'])('leaves nobody signed in when the server is %s', async (how) => {
  const sent: [string, string | null][] = [];
  vi.stubGlobal('document', cookies('__Host-runplane-csrf=abc'));
  vi.stubGlobal('fetch', (_url: string, init: RequestInit) => {
    const { method = '' } = init;
    sent.push([method, new Headers(init.headers).get('X-CSRF-Token')]);
    if (method === 'POST') return Promise.resolve(Response.json(REPLY));
    if (how === 'reached') return Promise.resolve(new Response(null, { status: 204 }));
    return Promise.reject(new TypeError('offline'));
  });
  const store = new SessionStore();
  await store.start();
  expect(store.snapshot().phase).toBe('in');
  await store.signOut();
  expect(sent.at(-1)).toEqual(['DELETE', 'abc']);
  expect(csrfFromCookie()).toBeUndefined();
  // as after loading the page again
  const next = new SessionStore();
  await next.start();
  expect(next.snapshot().phase).toBe('out');
  vi.unstubAllGlobals();
});
