/**
 * A call of the API as a value: typed by the server's document, sent by `send`, shown by `curlOf`, cached by
 * `queryOf`. One value for all three, so that what is shown is what was sent.
 */
import type { MaybeOptionalInit } from 'openapi-fetch';
import { createFinalURL, createQuerySerializer, defaultPathSerializer } from 'openapi-fetch';
import type {
  HttpMethod,
  PathsWithMethod,
  RequiredKeysOf,
  ResponseObjectMap,
  SuccessResponse,
} from 'openapi-typescript-helpers';
import type { paths } from '@/api/schema';

type Method = Extract<HttpMethod, 'get' | 'post' | 'put' | 'patch' | 'delete'>;

/** What one call answers. */
export type ReplyOf<M extends HttpMethod, P extends PathsWithMethod<paths, M>> =
  paths[P] extends Record<M, infer Operation extends Record<string | number, unknown>>
    ? SuccessResponse<ResponseObjectMap<Operation>>
    : never;

type Given<M extends HttpMethod, P extends PathsWithMethod<paths, M>> = Exclude<
  MaybeOptionalInit<paths[P], M & keyof paths[P]>,
  undefined
>;
type Init<M extends HttpMethod, P extends PathsWithMethod<paths, M>> = Pick<
  Given<M, P>,
  Extract<keyof Given<M, P>, 'params' | 'body'>
>;
type Arguments<I extends object> = RequiredKeysOf<I> extends never ? [I?] : [I];

export interface ApiRequest<Reply = unknown> {
  readonly method: Uppercase<Method>;
  /** Path with the query, ready to send. */
  readonly url: string;
  /** The path of the document, `{parameters}` and all: names the family in the cache of queries. */
  readonly template: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Never set; carries the type of the answer. */
  readonly reply?: Reply;
}

interface LooseInit {
  params?: { path?: Record<string, unknown>; query?: Record<string, unknown> };
  body?: unknown;
}

const serializeQuery = createQuerySerializer({ array: { style: 'form', explode: true } });

/** The call of an operation of the document. Parameters that are empty or undefined are left out. */
export function request<M extends Method, P extends PathsWithMethod<paths, M>>(
  method: M,
  path: P,
  ...init: Arguments<Init<M, P>>
): ApiRequest<ReplyOf<M, P>> {
  const given = (init[0] ?? {}) as LooseInit;
  return {
    method: method.toUpperCase() as Uppercase<M>,
    template: path,
    url: createFinalURL(path as string, {
      baseUrl: '',
      params: { path: given.params?.path ?? {}, query: withoutEmpty(given.params?.query ?? {}) },
      querySerializer: serializeQuery,
      pathSerializer: defaultPathSerializer,
    }),
    ...(given.body === undefined ? {} : { body: given.body }),
  };
}

/** `sent` with one more header. */
export function withHeader<Reply>(sent: ApiRequest<Reply>, name: string, value: string): ApiRequest<Reply> {
  return { ...sent, headers: { ...sent.headers, [name]: value } };
}

function withoutEmpty(query: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).filter(([, it]) => it !== undefined && it !== null && it !== ''),
  );
}
