/**
 * A call as a line of curl, with `$TOKEN` for the token: the real one must not end up in chats and tickets.
 */
import type { ApiRequest } from '@/api/request';

/** `text` as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The call as a command for bash, dash and zsh. `origin` is this server's address. */
export function curlOf(sent: ApiRequest, origin = window.location.origin): string {
  const parts = ['curl'];
  if (sent.method !== 'GET') parts.push(`-X ${sent.method}`);
  parts.push(shellWord(origin + sent.url));
  const lines = [parts.join(' '), `-H "Authorization: Bearer $TOKEN"`];
  for (const [name, value] of Object.entries(sent.headers ?? {}))
    lines.push(`-H ${shellWord(`${name}: ${value}`)}`);
  if (sent.body !== undefined) {
    lines.push(`-H 'Content-Type: application/json'`, `-d ${shellWord(JSON.stringify(sent.body))}`);
  }
  return lines.join(' \\\n  ');
}
