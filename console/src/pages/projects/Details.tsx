/** The drawer of one project: how it fares, what it may use, which rules count, who may do what in it. */
import { Anchor, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { queryOf } from '@/api/query';
import { clusterName, useClusters } from '@/pages/org-units/clusters';
import { AccessSection, EditButton, poolNames, type Ask } from '@/pages/org-units/parts';
import { PoolQuotas } from '@/pages/org-units/PoolQuotas';
import { RuleTable } from '@/pages/org-units/RuleTable';
import { readProject, type Project } from '@/pages/org-units/units';
import { PhaseBadge } from '@/pages/projects/columns';
import { CopyableId } from '@/ui/CopyableId';
import { ErrorState } from '@/ui/ErrorState';
import { Facts } from '@/ui/Facts';
import { Section } from '@/ui/Section';
import { TimeAgo } from '@/ui/TimeAgo';

export function Details({ id, onAsk }: { id: string; onAsk: Ask }) {
  const one = useQuery(queryOf(readProject(id)));
  if (one.isPending) return <Skeleton height={320} />;
  if (one.error) return <ErrorState error={one.error} onRetry={() => void one.refetch()} compact />;
  return <Shown project={one.data} onAsk={onAsk} />;
}

function Shown({ project, onAsk }: { project: Project; onAsk: Ask }) {
  const clusters = useClusters();
  const { status, effective } = project;
  return (
    <>
      <Section
        title="Details"
        tool={
          <EditButton
            kind="project"
            label={`Edit project ${project.name}`}
            onClick={() => onAsk('edit', project)}
          />
        }
      >
        <Facts
          facts={[
            ['Status', <PhaseBadge key="phase" phase={status.phase} message={status.phaseMessage} />],
            ...(status.phaseMessage ? ([['Reason', status.phaseMessage]] as const) : []),
            ...(project.description ? ([['Description', project.description]] as const) : []),
            [
              'Department',
              <Anchor
                key="department"
                component={Link}
                size="sm"
                to={`/departments?open=${project.parentId}`}
              >
                {project.parent.name}
              </Anchor>,
            ],
            ['Cluster', clusterName(clusters, project.clusterId)],
            ['Namespace', <Namespace key="namespace" project={project} />],
            ['Status as of', <TimeAgo key="as-of" at={status.lastUpdatedTime} never="–" />],
            ['ID', <CopyableId key="id" id={project.id} what="project ID" full />],
            [
              'Created',
              <span key="created">
                <TimeAgo at={project.createdAt} /> by {project.createdBy}
              </span>,
            ],
          ]}
        />
      </Section>
      <Section
        title="Quotas"
        tool={
          <EditButton
            kind="project"
            label={`Edit the quotas of ${project.name}`}
            onClick={() => onAsk('quotas', project)}
          />
        }
      >
        <PoolQuotas unit={project} />
      </Section>
      <Section title="Scheduling rules">
        <RuleTable
          own={project.schedulingRules}
          counts={effective.schedulingRules}
          department={project.parent.name}
        />
      </Section>
      <Section title="Placement">
        <Facts
          facts={[
            ['Node pools', poolNames(effective.defaultNodePools, project.resources) ?? 'Any'],
            ['Training on', effective.nodeTypes.training?.join(', ') || 'Any node type'],
            ['Workspaces on', effective.nodeTypes.workspace?.join(', ') || 'Any node type'],
            ['Scheduler', project.enforceRunaiScheduler ? 'Only this one' : 'Workloads may choose another'],
          ]}
        />
      </Section>
      <AccessSection kind="project" unit={project} />
    </>
  );
}

/** What the cluster has, and what was asked for where that is something else. */
function Namespace({ project }: { project: Project }) {
  const { requestedNamespace, status } = project;
  const actual = status.namespace;
  if (!actual) return <>{requestedNamespace ? `${requestedNamespace}, not made yet` : 'Not made yet'}</>;
  return (
    <span>
      <CopyableId id={actual} what="namespace" full />
      {requestedNamespace && requestedNamespace !== actual && <> (asked for: {requestedNamespace})</>}
    </span>
  );
}
