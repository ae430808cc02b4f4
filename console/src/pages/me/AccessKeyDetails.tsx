/** The drawer of one of the person's access keys. */
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { usage } from '@/pages/service-accounts/snippets';
import { CodeSnippet } from '@/ui/CodeSnippet';
import { CopyableId } from '@/ui/CopyableId';
import { ErrorState } from '@/ui/ErrorState';
import { ExpiryBadge } from '@/ui/ExpiryBadge';
import { Facts } from '@/ui/Facts';
import { LiveSecrets } from '@/ui/LiveSecrets';
import { Section } from '@/ui/Section';
import { TimeAgo } from '@/ui/TimeAgo';

export function AccessKeyDetails({ id }: { id: string }) {
  const one = useQuery(
    queryOf(request('get', '/api/v1/access-keys/{accessKeyId}', { params: { path: { accessKeyId: id } } })),
  );
  if (one.isPending) return <Skeleton height={220} />;
  if (one.error) return <ErrorState error={one.error} onRetry={() => void one.refetch()} compact />;
  const it = one.data;
  return (
    <>
      <Section title="Details">
        <Facts
          facts={[
            ['Client ID', <CopyableId key="id" id={it.clientId} what="client ID" full />],
            ['Expires', <ExpiryBadge key="expires" at={it.expiresAt} />],
            ['Last used', <TimeAgo key="used" at={it.lastLogin} never="Never" />],
            ['Created', <TimeAgo key="created" at={it.createdAt} />],
          ]}
        />
      </Section>
      <Section title="Secrets">
        <LiveSecrets secrets={it.secrets} />
      </Section>
      <Section title="Use it">
        <CodeSnippet snippets={usage(window.location.origin, it.clientId)} />
      </Section>
    </>
  );
}
