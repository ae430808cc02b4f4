/** The drawer of one access rule: who, what, where, and the way to each of them. */
import { Anchor, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { SCOPES, SUBJECTS } from '@/pages/access-rules/columns';
import { useCan } from '@/session/hooks';
import { ErrorState } from '@/ui/ErrorState';
import { Facts } from '@/ui/Facts';
import { StatusBadge } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';

export function Details({ id }: { id: string }) {
  const can = useCan();
  const one = useQuery(
    queryOf(
      request('get', '/api/v1/authorization/access-rules/{accessRuleId}', {
        params: { path: { accessRuleId: id } },
      }),
    ),
  );
  if (one.isPending) return <Skeleton height={220} />;
  if (one.error) return <ErrorState error={one.error} onRetry={() => void one.refetch()} compact />;
  const it = one.data;
  const role = can('roles:read') ? (
    <Anchor key="role" component={Link} size="sm" to={`/roles?open=${String(it.roleId)}`}>
      {it.roleName}
    </Anchor>
  ) : (
    it.roleName
  );
  const place = it.scopePath?.split('/').join(' › ');
  return (
    <Facts
      facts={[
        ['Subject', it.subjectId],
        ['Subject type', SUBJECTS[it.subjectType] ?? it.subjectType],
        ['Role', role],
        ['Scope', `${SCOPES[it.scopeType] ?? it.scopeType} ${it.scopeName}`],
        ['Path', place],
        [
          'Status',
          <StatusBadge key="status" tone={it.status.phase === 'Ready' ? 'good' : 'warn'}>
            {it.status.phase === 'Ready' ? 'In force' : it.status.phase}
          </StatusBadge>,
        ],
        ['Rule ID', String(it.id)],
        ['Created', <TimeAgo key="created" at={it.createdAt} />],
        ['Created by', it.createdBy],
      ]}
    />
  );
}
