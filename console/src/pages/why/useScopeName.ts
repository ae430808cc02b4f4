/** Names of scopes, which the server tells by their ids. */
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { listClusters } from '@/pages/clusters/clusters';
import { readUnit } from '@/pages/org-units/units';
import type { ScopeKind } from '@/pages/why/path';
import { useCan } from '@/session/hooks';

/** The name of a scope; undefined while it is on its way, and where the caller may not see the scope. */
export function useScopeName(kind: ScopeKind, id: string): string | undefined {
  const can = useCan();
  const unit = kind === 'department' || kind === 'project' ? kind : undefined;
  const clusters = useQuery({
    ...queryOf(listClusters()),
    enabled: kind === 'cluster' && can('cluster:read'),
  });
  const units = useQuery({
    ...queryOf(readUnit(unit ?? 'project', id)),
    enabled: unit !== undefined && can(`${unit}:read`),
    retry: false,
  });
  if (kind === 'cluster') return clusters.data?.find((it) => it.uuid === id)?.name;
  return unit ? units.data?.name : id;
}
