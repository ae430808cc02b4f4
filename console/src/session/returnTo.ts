/**
 * Where to go after signing in. Only a path of this console: an address from outside would make the sign-in
 * page a way to send people anywhere (open redirect).
 */

/** `given` if it is a path on this origin, else the start page. */
export function safeReturnTo(given: string | null | undefined, origin = window.location.origin): string {
  // `\` counts as `/` in browsers, and control characters are dropped by them: both make `//host` look local.
  if (!given?.startsWith('/') || /[\\\p{Cc}]/u.test(given)) return '/';
  let url: URL;
  try {
    url = new URL(given, origin);
  } catch {
    return '/';
  }
  const path = url.pathname + url.search + url.hash;
  if (url.origin !== origin || path.startsWith('//') || /^\/(sign-in|api|auth)(\/|\?|$)/.test(path))
    return '/';
  return path;
}

/** The sign-in page that leads back to `from`. */
export function signInPath(from: string, reason?: string, origin = window.location.origin): string {
  const query = new URLSearchParams();
  if (safeReturnTo(from, origin) !== '/') query.set('returnTo', from);
  if (reason && reason !== 'signed-out') query.set('reason', reason);
  const text = query.toString();
  return text ? `/sign-in?${text}` : '/sign-in';
}
