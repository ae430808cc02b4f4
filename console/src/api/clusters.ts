/** The clusters that the signed-in person may see, by name: for choosing one, and for lists that hold only ids. */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';

/** Names only; the status of each would have to be worked out. */
export const clusterNames = () =>
  queryOf(request('get', '/api/v1/clusters', { params: { query: { verbosity: 'metadata' } } }));

const NONE: readonly { value: string; label: string }[] = [];

/** The clusters as choices. Empty while they load, and for people who may not see clusters. */
export function useClusterChoices(): readonly { value: string; label: string }[] {
  const { data } = useQuery({ ...clusterNames(), staleTime: 60_000 });
  return useMemo(() => data?.map(({ uuid, name }) => ({ value: uuid, label: name })) ?? NONE, [data]);
}
