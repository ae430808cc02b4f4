/**
 * Sends calls with the token of the person who is signed in.
 *
 * A 401 gets one new token and one more try: the token may have ended while the computer slept. What the
 * session does about it is injected, so that this file can be tested and does not know of cookies.
 */
import { ApiError, errorOf, unreachable } from '@/api/errors';
import type { ApiRequest } from '@/api/request';

export interface TokenSource {
  /** The token to send; undefined when nobody is signed in. */
  token(): string | undefined;
  /** Gets a new token; resolves to false when the session has ended. */
  renew(): Promise<boolean>;
}

export interface Answer<Reply> {
  data: Reply;
  headers: Headers;
}

let source: TokenSource = { token: () => undefined, renew: () => Promise.resolve(false) };

/** Says where tokens come from; the session does so once. */
export function setTokenSource(given: TokenSource): void {
  source = given;
}

/** The answer to a call. Raises ApiError for every refusal, and for no answer at all. */
export async function send<Reply>(sent: ApiRequest<Reply>, signal?: AbortSignal): Promise<Reply> {
  return (await exchange(sent, signal)).data;
}

/** Like `send`, with the headers of the answer. */
export async function exchange<Reply>(sent: ApiRequest<Reply>, signal?: AbortSignal): Promise<Answer<Reply>> {
  const response = await succeed(sent, signal);
  return { data: (await read(response)) as Reply, headers: response.headers };
}

/** The answer to `sent` as a file: its bytes as they came. Raises ApiError like `send`. */
export async function download(sent: ApiRequest): Promise<Blob> {
  return (await succeed(sent)).blob();
}

async function succeed(sent: ApiRequest, signal?: AbortSignal): Promise<Response> {
  let response = await attempt(sent, signal);
  if (response.status === 401 && source.token() !== undefined && (await source.renew())) {
    response = await attempt(sent, signal);
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function attempt(sent: ApiRequest, signal?: AbortSignal): Promise<Response> {
  const headers = new Headers({ Accept: 'application/json', ...sent.headers });
  const token = source.token();
  if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
  if (sent.body !== undefined) headers.set('Content-Type', 'application/json');
  const init: RequestInit = { method: sent.method, headers, credentials: 'omit', signal: signal ?? null };
  if (sent.body !== undefined) init.body = JSON.stringify(sent.body);
  try {
    return await fetch(sent.url, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
}

async function read(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(response.status, { message: 'The server answered something that is not JSON.' });
  }
}
