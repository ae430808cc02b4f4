/** What is the person's own: for those without an administrator's permissions this is the overview. */
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { expiring } from '@/pages/overview/expiring';
import { Line, Lines, Nothing, Panel } from '@/pages/overview/Panel';
import { ExpiryBadge } from '@/ui/ExpiryBadge';
import { TimeAgo } from '@/ui/TimeAgo';
import { useNow } from '@/ui/useNow';

const SHOWN = 6;
const FEW = { limit: 50 } as const;

/** The person's access rules, which say what the rest of the console shows. */
export function MyAccess() {
  const query = useQuery(
    queryOf(request('get', '/api/v1/authorization/me/access-rules', { params: { query: FEW } })),
  );
  return (
    <Panel title="Your access" to="/me" more="User settings" query={query}>
      {({ accessRules: { accessRules } }) =>
        accessRules.length === 0 ? (
          <Nothing>
            Nobody has given you access to anything yet. Ask an administrator for a role in the project or
            department that you work in.
          </Nothing>
        ) : (
          <Lines>
            {accessRules.slice(0, SHOWN).map((it) => (
              <Line
                key={it.id}
                to="/me"
                name={it.roleName}
                hint={`in ${it.scopeType} ${it.scopeName}${it.subjectType === 'group' ? `, as a member of ${it.subjectId}` : ''}`}
              />
            ))}
          </Lines>
        )
      }
    </Panel>
  );
}

/** The person's own access keys, called out before they end. */
export function MyKeys() {
  const now = useNow();
  const query = useQuery(queryOf(request('get', '/api/v1/access-keys')));
  return (
    <Panel title="Your access keys" to="/me" more="User settings" query={query}>
      {({ accessKeys }) => {
        const soon = expiring(accessKeys, now);
        if (accessKeys.length === 0) return <Nothing>You have none. They let programs act as you.</Nothing>;
        const others = accessKeys.filter((it) => !soon.includes(it));
        return (
          <Lines>
            {[...soon, ...others].slice(0, SHOWN).map((it) => (
              <Line
                key={it.id}
                to="/me"
                name={it.name}
                hint={
                  <>
                    Last used <TimeAgo at={it.lastLogin} never="never" />
                  </>
                }
                end={it.expiresAt ? <ExpiryBadge at={it.expiresAt} verbose /> : 'Never expires'}
              />
            ))}
          </Lines>
        );
      }}
    </Panel>
  );
}

/** The projects that the person sees. */
export function MyProjects() {
  const query = useQuery(
    queryOf(
      request('get', '/api/v1/org-unit/projects', { params: { query: { limit: SHOWN, sortBy: 'name' } } }),
    ),
  );
  return (
    <Panel title="Your projects" to="/projects" more="All projects" query={query}>
      {({ projects }) =>
        projects.length === 0 ? (
          <Nothing>There is no project that you may see.</Nothing>
        ) : (
          <Lines>
            {projects.map((it) => (
              <Line
                key={it.id}
                to={`/projects?open=${it.id}`}
                name={it.name}
                hint={it.parent?.name ? `in department ${it.parent.name}` : undefined}
                end={it.status.phase}
              />
            ))}
          </Lines>
        )
      }
    </Panel>
  );
}
