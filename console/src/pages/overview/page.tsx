/** What one looks at first: how things stand, and what needs somebody. Only of what the person may see. */
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { listClusters } from '@/pages/clusters/clusters';
import { ClustersPanel } from '@/pages/overview/ClustersPanel';
import { CredentialsPanel } from '@/pages/overview/CredentialsPanel';
import { DeprecatedPanel } from '@/pages/overview/DeprecatedPanel';
import { FirstSteps } from '@/pages/overview/FirstSteps';
import { MyAccess, MyKeys, MyProjects } from '@/pages/overview/MinePanels';
import { QuotaPanel } from '@/pages/overview/QuotaPanel';
import { RefusalsPanel } from '@/pages/overview/RefusalsPanel';
import { Tiles } from '@/pages/overview/Tiles';
import { myPermissions, useCan, useSession } from '@/session/hooks';
import { PageHeader } from '@/ui/PageHeader';
import classes from './page.module.css';

export function Component() {
  const can = useCan();
  const { tenant } = useSession();
  const permissions = useQuery(myPermissions());
  const seesClusters = can('cluster:read');
  const clusters = useQuery({ ...queryOf(listClusters()), enabled: seesClusters });
  const fresh = clusters.data?.length === 0;
  // Who sees what others do sees the state of things; everybody else sees what is theirs.
  const administers = can(['events-history:read', 'users:read', 'service-account:read']);
  return (
    <>
      <PageHeader
        title="Overview"
        text={administers ? `How ${tenant.name} stands, and what needs you.` : undefined}
      />
      {permissions.isSuccess && (
        <>
          {fresh ? <FirstSteps /> : <Tiles clusters={clusters} />}
          <div className={classes.grid}>
            {!fresh && can(['department:read', 'project:read']) && (
              <div className={classes.wide}>
                <QuotaPanel />
              </div>
            )}
            {seesClusters && !fresh && <ClustersPanel query={clusters} />}
            {can('service-account:read') && <CredentialsPanel />}
            {can('events-history:read') && (
              <>
                <RefusalsPanel />
                <DeprecatedPanel />
              </>
            )}
            {!can('events-history:read') && (
              <>
                <MyAccess />
                {!administers && can('project:read') && <MyProjects />}
                <MyKeys />
              </>
            )}
          </div>
        </>
      )}
    </>
  );
}
