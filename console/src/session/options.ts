/** What the sign-in page and the header show of this server before anybody is signed in. */
import { queryOptions } from '@tanstack/react-query';
import { sessionApi } from '@/session/protocol';

export const optionsQuery = queryOptions({
  queryKey: ['/api/v1/session/options'] as const,
  queryFn: sessionApi.options,
  staleTime: 5 * 60_000,
});
