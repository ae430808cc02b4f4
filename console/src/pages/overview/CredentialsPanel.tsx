/** Service accounts and the person's own access keys that end soon. */
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { expiring } from '@/pages/overview/expiring';
import { Line, Lines, Nothing, Panel } from '@/pages/overview/Panel';
import { ExpiryBadge } from '@/ui/ExpiryBadge';
import { SOON_DAYS } from '@/ui/time';
import { useNow } from '@/ui/useNow';

const SHOWN = 6;

export function CredentialsPanel() {
  const now = useNow();
  const query = useQuery(queryOf(request('get', '/api/v1/service-accounts')));
  const keys = useQuery(queryOf(request('get', '/api/v1/access-keys')));
  return (
    <Panel
      title="Credentials about to expire"
      to="/service-accounts?sort=expiresAt"
      more="Service accounts"
      query={query}
    >
      {(accounts) => {
        const own = new Set((keys.data?.accessKeys ?? []).map((it) => it.id));
        const used = accounts.filter((it) => it.enabled);
        const soon = expiring([...used, ...(keys.data?.accessKeys ?? [])], now);
        if (soon.length === 0)
          return (
            <Nothing>
              No enabled service account and no access key of yours expires within {SOON_DAYS} days.
            </Nothing>
          );
        return (
          <Lines>
            {soon.slice(0, SHOWN).map((it) => (
              <Line
                key={it.id}
                to={own.has(it.id) ? '/me' : `/service-accounts?open=${it.id}`}
                name={it.name}
                hint={own.has(it.id) ? 'Your access key' : 'Service account'}
                end={<ExpiryBadge at={it.expiresAt} verbose />}
              />
            ))}
          </Lines>
        );
      }}
    </Panel>
  );
}
