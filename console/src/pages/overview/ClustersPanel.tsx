/** Clusters and their state, those that need somebody first. */
import type { UseQueryResult } from '@tanstack/react-query';
import type { ApiError } from '@/api/errors';
import { lookOf, platformOf, type Cluster } from '@/pages/clusters/clusters';
import { Line, Lines, Panel } from '@/pages/overview/Panel';
import { StatusBadge, type Tone } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';

const SHOWN = 6;
const ORDER: readonly Tone[] = ['bad', 'warn', 'calm', 'accent', 'good'];

export function ClustersPanel({ query }: { query: UseQueryResult<Cluster[], ApiError> }) {
  return (
    <Panel title="Clusters" to="/clusters" more="All clusters" query={query}>
      {(clusters) => (
        <Lines>
          {worstFirst(clusters)
            .slice(0, SHOWN)
            .map((it) => (
              <Line
                key={it.uuid}
                to={`/clusters?open=${it.uuid}`}
                name={it.name}
                hint={
                  it.lastLiveness ? (
                    <>
                      {it.simulated ? 'Simulated' : platformOf(it)} · heard from{' '}
                      <TimeAgo at={it.lastLiveness} />
                    </>
                  ) : (
                    'Never heard from'
                  )
                }
                end={<StatusBadge tone={lookOf(it).tone}>{lookOf(it).word}</StatusBadge>}
              />
            ))}
        </Lines>
      )}
    </Panel>
  );
}

function worstFirst(clusters: readonly Cluster[]): Cluster[] {
  const rank = (it: Cluster) => ORDER.indexOf(lookOf(it).tone);
  return [...clusters].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}
