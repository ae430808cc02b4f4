/** What was refused lately; each line leads to why. */
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { spanOf } from '@/pages/events/span';
import { Line, Lines, Nothing, Panel } from '@/pages/overview/Panel';
import { TimeAgo } from '@/ui/TimeAgo';
import { useNow } from '@/ui/useNow';

const SHOWN = 6;
/** Refusals are picked out of the failures here: the audit log cannot be filtered by status. */
const FETCHED = 100;
const FAILED = 'result==Failed';

export function RefusalsPanel() {
  const { start, end } = spanOf('7d', useNow());
  const query = useQuery({
    ...queryOf(
      request('get', '/api/v1/audit/log', {
        params: { query: { start, end, numberOfSamples: FETCHED, filterBy: [FAILED] } },
      }),
    ),
    // The span moves each minute; what was shown stays until the answer for the next one is there.
    placeholderData: (before) => before,
  });
  return (
    <Panel
      title="Recent refusals"
      to={`/events?span=7d&filter=${encodeURIComponent(FAILED)}`}
      more="Event history"
      query={query}
    >
      {({ audit_logs, total }) => {
        const refused = audit_logs.filter((it) => it.http_status_code === 403);
        if (refused.length === 0)
          return (
            <Nothing>
              {total > audit_logs.length
                ? `None of the latest ${FETCHED} failures was a refusal.`
                : 'Nobody was refused anything in the last 7 days.'}
            </Nothing>
          );
        return (
          <Lines>
            {refused.slice(0, SHOWN).map((it) => (
              <Line
                key={it.id}
                to={`/why?id=${encodeURIComponent(it.metadata.decisionId ?? it.request_id)}`}
                name={it.subject}
                hint={`${it.metadata.permission ?? it.action} · ${it.http_method} ${it.url}`}
                end={<TimeAgo at={it.timestamp} />}
              />
            ))}
          </Lines>
        );
      }}
    </Panel>
  );
}
