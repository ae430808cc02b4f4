/** The drawer of one department: what it has, what its projects are promised of it, and what they inherit. */
import { Anchor, Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { queryOf } from '@/api/query';
import { clusterName, useClusters } from '@/pages/org-units/clusters';
import { AccessSection, EditButton, poolNames, type Ask } from '@/pages/org-units/parts';
import { PoolQuotas } from '@/pages/org-units/PoolQuotas';
import { RuleTable } from '@/pages/org-units/RuleTable';
import { readDepartment, type Department } from '@/pages/org-units/units';
import { useCan } from '@/session/hooks';
import { CopyableId } from '@/ui/CopyableId';
import { ErrorState } from '@/ui/ErrorState';
import { Facts } from '@/ui/Facts';
import { Section } from '@/ui/Section';
import { TimeAgo } from '@/ui/TimeAgo';
import classes from './Details.module.css';

export function Details({ id, onAsk }: { id: string; onAsk: Ask }) {
  const one = useQuery(queryOf(readDepartment(id)));
  if (one.isPending) return <Skeleton height={320} />;
  if (one.error) return <ErrorState error={one.error} onRetry={() => void one.refetch()} compact />;
  return <Shown department={one.data} onAsk={onAsk} />;
}

function Shown({ department, onAsk }: { department: Department; onAsk: Ask }) {
  const can = useCan();
  const clusters = useClusters();
  return (
    <>
      <Section
        title="Details"
        tool={
          <EditButton
            kind="department"
            label={`Edit department ${department.name}`}
            onClick={() => onAsk('edit', department)}
          />
        }
      >
        <Facts
          facts={[
            ...(department.description ? ([['Description', department.description]] as const) : []),
            ['Cluster', clusterName(clusters, department.clusterId)],
            ['ID', <CopyableId key="id" id={department.id} what="department ID" full />],
            [
              'Created',
              <span key="created">
                <TimeAgo at={department.createdAt} /> by {department.createdBy}
              </span>,
            ],
          ]}
        />
      </Section>
      <Section
        title="Quotas"
        tool={
          <EditButton
            kind="department"
            label={`Edit the quotas of ${department.name}`}
            onClick={() => onAsk('quotas', department)}
          />
        }
      >
        <PoolQuotas unit={department} />
      </Section>
      {can('project:read') && (
        <Section title="Projects">
          <Projects department={department} />
        </Section>
      )}
      <Section title="Scheduling rules">
        <RuleTable own={department.schedulingRules} counts={department.schedulingRules ?? {}} />
      </Section>
      <Section title="Placement">
        <Facts
          facts={[
            ['Node pools', poolNames(department.defaultNodePools, department.resources) ?? 'Any'],
            ['Training on', department.nodeTypes.training?.join(', ') || 'Any node type'],
            ['Workspaces on', department.nodeTypes.workspace?.join(', ') || 'Any node type'],
          ]}
        />
      </Section>
      <AccessSection kind="department" unit={department} />
    </>
  );
}

/** How many are named here; the list of projects has them all. */
const NAMED = 12;

function Projects({ department }: { department: Department }) {
  const children = department.children ?? [];
  if (children.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        None yet.
      </Text>
    );
  }
  return (
    <>
      <ul className={classes.projects}>
        {children.slice(0, NAMED).map((it) => (
          <li key={it.id}>
            <Anchor component={Link} size="sm" to={`/projects?open=${it.id}`}>
              {it.name}
            </Anchor>
          </li>
        ))}
      </ul>
      <Anchor component={Link} size="sm" to={listOf(department)}>
        {children.length === 1
          ? 'Show it in the list'
          : `All ${children.length.toLocaleString('en')} in the list`}
      </Anchor>
    </>
  );
}

/** The list of projects with the filters that leave this department's. Names are unique within a cluster. */
export function listOf({ name, clusterId }: Pick<Department, 'name' | 'clusterId'>): string {
  const query = new URLSearchParams([
    ['filter', `parentName==${name}`],
    ['filter', `clusterId==${clusterId}`],
  ]);
  return `/projects?${query.toString()}`;
}
