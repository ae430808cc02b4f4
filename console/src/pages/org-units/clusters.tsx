/** Names of clusters for lists that only have their ids. */
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import type { components } from '@/api/schema';

export type Cluster = components['schemas']['ClusterOut'];

const NONE: readonly Cluster[] = [];

/** The clusters that the person may see; none while they are loaded, or without permission. */
export function useClusters(): readonly Cluster[] {
  const { data } = useQuery({ ...queryOf(request('get', '/api/v1/clusters')), staleTime: 60_000 });
  return data ?? NONE;
}

/** The name, or the id where the cluster cannot be seen. */
export function clusterName(clusters: readonly Cluster[], id: string): string {
  return clusters.find((it) => it.uuid === id)?.name ?? id;
}
