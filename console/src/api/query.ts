/**
 * The cache of answers (TanStack Query), and how pages read and write through it.
 *
 * Keys begin with the document's path, so that a write names the families it touches by their paths.
 */
import { QueryClient, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { ApiError, asApiError } from '@/api/errors';
import type { ApiRequest } from '@/api/request';
import { exchange, send } from '@/api/send';
import { notifyDone, notifyError } from '@/ui/notify';

declare module '@tanstack/react-query' {
  interface Register {
    defaultError: ApiError;
  }
}

/** The one cache of the console; emptied when the session ends. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (count, error) => count < 2 && error.isTemporary,
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});

/** For `useQuery`: the answer to `sent`. */
export function queryOf<Reply>(sent: ApiRequest<Reply>) {
  return queryOptions({
    queryKey: [sent.template, sent.url] as const,
    queryFn: ({ signal }) => send(sent, signal),
  });
}

/** For `useQuery`: the answer to `sent` with what its headers say of the list it is a page of. */
export function pageOf<Reply>(sent: ApiRequest<Reply>) {
  return queryOptions({
    queryKey: [sent.template, sent.url, 'page', sent.headers?.Prefer ?? ''] as const,
    queryFn: async ({ signal }) => {
      const { data, headers } = await exchange(sent, signal);
      const total = headers.get('X-Total-Count');
      return {
        data,
        /** Rows of the whole list; undefined where the server stopped counting. */
        total: total === null ? undefined : Number(total),
        more: headers.get('Link')?.includes('rel="next"') ?? false,
        counted: headers.get('X-Runplane-Truncated')?.split('/')[1],
      };
    },
  });
}

export interface ActionOptions<Input, Reply> {
  /** The call to make of the input; also what "Copy as curl" shows. */
  request: (input: Input) => ApiRequest<Reply>;
  /** Paths of the document whose answers are out of date afterwards; all below them are too. */
  touches: readonly string[];
  /** Sentence of the notification; none for an action whose form shows the outcome itself. */
  done?: string | ((reply: Reply, input: Input) => string);
  onDone?: (reply: Reply, input: Input) => void;
  /** True where the caller shows the error (forms do). */
  quiet?: boolean;
}

/** A write: sends, notifies, and makes the touched lists load again. */
export function useAction<Input = void, Reply = unknown>(options: ActionOptions<Input, Reply>) {
  const client = useQueryClient();
  const mutation = useMutation<Reply, ApiError, Input>({
    mutationFn: (input) => send(options.request(input)),
    onSuccess: (reply, input) => {
      void client.invalidateQueries({ predicate: ({ queryKey }) => touched(queryKey[0], options.touches) });
      if (options.done)
        notifyDone(typeof options.done === 'string' ? options.done : options.done(reply, input));
      options.onDone?.(reply, input);
    },
    onError: (error) => {
      if (!options.quiet) notifyError(asApiError(error));
    },
  });
  return { ...mutation, request: options.request };
}

/** Whether the family of a cached answer is one of `touches` or below one. */
export function touched(template: unknown, touches: readonly string[]): boolean {
  return (
    typeof template === 'string' && touches.some((it) => template === it || template.startsWith(`${it}/`))
  );
}
