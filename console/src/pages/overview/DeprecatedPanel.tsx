/** Who still calls what is deprecated. */
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { Line, Lines, Nothing, Panel } from '@/pages/overview/Panel';
import { TimeAgo } from '@/ui/TimeAgo';

const LATEST = { limit: 6, sortBy: 'lastSeen', sortOrder: 'desc' } as const;

export function DeprecatedPanel() {
  const query = useQuery(
    queryOf(request('get', '/api/v1/administration/deprecated-calls', { params: { query: LATEST } })),
  );
  return (
    <Panel title="Deprecated API use" to="/api-usage" more="API usage" query={query}>
      {({ deprecatedCalls }) =>
        deprecatedCalls.length === 0 ? (
          <Nothing>Nobody uses a deprecated route.</Nothing>
        ) : (
          <Lines>
            {deprecatedCalls.map((it) => (
              <Line
                key={it.id}
                to={`/api-usage?open=${it.id}`}
                name={`${it.method} ${it.path}`}
                hint={`${it.calls.toLocaleString('en')} ${it.calls === 1 ? 'call' : 'calls'} by ${it.subject}`}
                end={<TimeAgo at={it.lastSeen} />}
              />
            ))}
          </Lines>
        )
      }
    </Panel>
  );
}
