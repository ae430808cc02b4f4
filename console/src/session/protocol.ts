/**
 * The calls of `/api/v1/session`. They alone carry the cookie; every other call carries the access token.
 */
import { errorOf, unreachable } from '@/api/errors';
import type { SessionOptions, SessionReply } from '@/session/types';

const ROOT = '/api/v1/session';
const CSRF_COOKIE = '__Host-runplane-csrf';

/** The value that proves to the server that this page, and not another site, sends the request. */
export function csrfFromCookie(cookies = document.cookie): string | undefined {
  for (const pair of cookies.split(/;\s*/)) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at) === CSRF_COOKIE) return decodeURIComponent(pair.slice(at + 1));
  }
  return undefined;
}

/** Takes away what this browser goes on with a session by, also where the server does not hear of it. */
export function forgetCsrf(): void {
  document.cookie = `${CSRF_COOKIE}=; Max-Age=0; Path=/; Secure; SameSite=Lax`;
}

export const sessionApi = {
  options: () => call<SessionOptions>('GET', '/options'),
  signIn: (email: string, password: string) => call<SessionReply>('POST', '', { email, password }),
  changePassword: (email: string, password: string, newPassword: string) =>
    call<SessionReply>('POST', '/password', { email, password, newPassword }),
  token: (active: boolean, csrf: string) => call<SessionReply>('POST', '/token', { active }, csrf),
  signOut: (csrf: string) => call<undefined>('DELETE', '', undefined, csrf),
};

/** A call to the session's own operations with the cookie; pages of the sign-in flow use it too. */
export async function call<Reply>(
  method: string,
  path: string,
  body?: unknown,
  csrf?: string,
): Promise<Reply> {
  const headers = new Headers({ Accept: 'application/json' });
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  if (csrf !== undefined) headers.set('X-CSRF-Token', csrf);
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(ROOT + path, init);
  } catch {
    throw unreachable();
  }
  if (!response.ok) throw await errorOf(response);
  return (response.status === 204 ? undefined : await response.json()) as Reply;
}
