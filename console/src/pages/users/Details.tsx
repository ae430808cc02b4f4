/** The drawer of one person: who it is and what the person may do. */
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { signInOf } from '@/pages/users/columns';
import { useCan } from '@/session/hooks';
import { AccessRuleForm } from '@/ui/AccessRuleForm';
import { AccessRuleList } from '@/ui/AccessRuleList';
import { CopyableId } from '@/ui/CopyableId';
import { Disclosure } from '@/ui/Disclosure';
import { ErrorState } from '@/ui/ErrorState';
import { Facts } from '@/ui/Facts';
import { Section } from '@/ui/Section';
import { TimeAgo } from '@/ui/TimeAgo';

export function Details({ id }: { id: string }) {
  const can = useCan();
  const one = useQuery(
    queryOf(request('get', '/api/v1/users/{userId}', { params: { path: { userId: id } } })),
  );
  if (one.isPending) return <Skeleton height={220} />;
  if (one.error) return <ErrorState error={one.error} onRetry={() => void one.refetch()} compact />;
  const it = one.data;
  return (
    <>
      <Section title="Details">
        <Facts
          facts={[
            ['Signs in with', signInOf(it)],
            ['User ID', <CopyableId key="id" id={it.id} what="user ID" full />],
            ...(it.groups ? [['Groups', it.groups.join(', ') || 'None'] as const] : []),
            ['Last login', <TimeAgo key="login" at={it.lastLogin} never="Never" />],
            ['Created', <TimeAgo key="created" at={it.createdAt} />],
            ['Created by', it.createdBy],
          ]}
        />
      </Section>
      {can('access_rules:read') && (
        <Section title="Access">
          <AccessRuleList subjectId={it.username} subjectTypes={['user']} />
          {can('access_rules:create') && (
            <Disclosure label="Add an access rule">
              {(close) => (
                <AccessRuleForm subject={{ subjectType: 'user', subjectId: it.username }} onDone={close} />
              )}
            </Disclosure>
          )}
        </Section>
      )}
    </>
  );
}
