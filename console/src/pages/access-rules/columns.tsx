import { Text } from '@mantine/core';
import type { components } from '@/api/schema';
import type { Column } from '@/table/types';
import { TimeAgo } from '@/ui/TimeAgo';

export type Rule = components['schemas']['AccessRule'];

/** What rules call subjects and scopes, in words. `app` is the older name of a service account. */
export const SUBJECTS: Readonly<Record<string, string>> = {
  user: 'User',
  'service-account': 'Service account',
  app: 'Service account (app)',
  group: 'Group',
};
export const SCOPES: Readonly<Record<string, string>> = {
  system: 'System',
  tenant: 'Tenant',
  cluster: 'Cluster',
  department: 'Department',
  project: 'Project',
};

const choices = (words: Readonly<Record<string, string>>) =>
  Object.entries(words).map(([value, label]) => ({ value, label }));

export const columns: readonly Column<Rule>[] = [
  {
    id: 'subjectId',
    title: 'Subject',
    primary: true,
    value: (it) => it.subjectId,
    sort: 'subjectId',
    filter: { kind: 'text' },
  },
  {
    id: 'subjectType',
    title: 'Subject type',
    value: (it) => SUBJECTS[it.subjectType] ?? it.subjectType,
    sort: 'subjectType',
    width: 150,
    filter: { kind: 'text', choices: choices(SUBJECTS) },
  },
  {
    id: 'roleName',
    title: 'Role',
    value: (it) => it.roleName,
    sort: 'roleName',
    filter: { kind: 'text' },
  },
  {
    id: 'scopeName',
    title: 'Scope',
    value: (it) => it.scopeName,
    render: (it) => (
      <>
        {it.scopeName}{' '}
        <Text span size="xs" c="dimmed">
          {SCOPES[it.scopeType] ?? it.scopeType}
        </Text>
      </>
    ),
    sort: 'scopeName',
    filter: { kind: 'text' },
  },
  {
    id: 'scopeType',
    title: 'Scope type',
    hidden: true,
    value: (it) => SCOPES[it.scopeType] ?? it.scopeType,
    sort: 'scopeType',
    filter: { kind: 'text', choices: choices(SCOPES) },
  },
  {
    id: 'createdBy',
    title: 'Created by',
    value: (it) => it.createdBy,
    sort: 'createdBy',
    filter: { kind: 'text' },
  },
  {
    id: 'createdAt',
    title: 'Created',
    value: (it) => it.createdAt,
    render: (it) => <TimeAgo at={it.createdAt} />,
    sort: 'createdAt',
    filter: { kind: 'time' },
  },
  {
    id: 'roleId',
    title: 'Role ID',
    hidden: true,
    value: (it) => it.roleId,
    sort: 'roleId',
    filter: { kind: 'integer' },
  },
  {
    id: 'scopeId',
    title: 'Scope ID',
    hidden: true,
    value: (it) => it.scopeId,
    sort: 'scopeId',
    filter: { kind: 'text' },
  },
];
