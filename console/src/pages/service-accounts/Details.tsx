/** The drawer of one service account: its facts, its live secrets, what it may do, how to use it. */
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { usage } from '@/pages/service-accounts/snippets';
import { useCan } from '@/session/hooks';
import { AccessRuleForm } from '@/ui/AccessRuleForm';
import { AccessRuleList } from '@/ui/AccessRuleList';
import { CodeSnippet } from '@/ui/CodeSnippet';
import { CopyableId } from '@/ui/CopyableId';
import { Disclosure } from '@/ui/Disclosure';
import { ErrorState } from '@/ui/ErrorState';
import { ExpiryBadge } from '@/ui/ExpiryBadge';
import { Facts } from '@/ui/Facts';
import { LiveSecrets } from '@/ui/LiveSecrets';
import { Section } from '@/ui/Section';
import { StatusBadge } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';

export function Details({ id }: { id: string }) {
  const can = useCan();
  const one = useQuery(
    queryOf(
      request('get', '/api/v1/service-accounts/{serviceAccountId}', {
        params: { path: { serviceAccountId: id } },
      }),
    ),
  );
  if (one.isPending) return <Skeleton height={220} />;
  if (one.error) return <ErrorState error={one.error} onRetry={() => void one.refetch()} compact />;
  const it = one.data;
  return (
    <>
      <Section title="Details">
        <Facts
          facts={[
            [
              'Status',
              <StatusBadge key="status" tone={it.enabled ? 'good' : 'calm'}>
                {it.enabled ? 'Enabled' : 'Disabled'}
              </StatusBadge>,
            ],
            ['Client ID', <CopyableId key="id" id={it.clientId} what="client ID" full />],
            ['Expires', <ExpiryBadge key="expires" at={it.expiresAt} />],
            ['Last used', <TimeAgo key="used" at={it.lastLogin} never="Never" />],
            ['Created', <TimeAgo key="created" at={it.createdAt} />],
            ['Created by', it.createdBy],
          ]}
        />
      </Section>
      <Section title="Secrets">
        <LiveSecrets secrets={it.secrets} />
      </Section>
      {can('access_rules:read') && (
        <Section title="Access">
          <AccessRuleList subjectId={it.name} subjectTypes={['service-account', 'app']} />
          {can('access_rules:create') && (
            <Disclosure label="Add an access rule">
              {(close) => (
                <AccessRuleForm
                  subject={{ subjectType: 'service-account', subjectId: it.clientId }}
                  onDone={close}
                />
              )}
            </Disclosure>
          )}
        </Section>
      )}
      <Section title="Use it">
        <CodeSnippet snippets={usage(window.location.origin, it.clientId)} />
      </Section>
    </>
  );
}
