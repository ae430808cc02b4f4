import type { components } from '@/api/schema';
import type { Column } from '@/table/types';
import { StatusBadge } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';

export type Role = components['schemas']['Role'];

/** The paths whose answers a change of a role makes old: rules show its name. */
export const TOUCHES = [
  '/api/v2/authorization/roles',
  '/api/v1/authorization/roles',
  '/api/v1/authorization/access-rules',
  '/api/v1/authorization/permissions',
] as const;

export const kindOf = (role: Role) => (role.custom ? 'Custom' : 'Predefined');

export const columns: readonly Column<Role>[] = [
  {
    id: 'name',
    title: 'Role',
    primary: true,
    value: (it) => it.name,
    sort: true,
    filter: { kind: 'text' },
  },
  {
    id: 'description',
    title: 'Description',
    value: (it) => it.description,
    filter: { kind: 'text' },
  },
  {
    id: 'kind',
    title: 'Kind',
    value: kindOf,
    render: (it) => <StatusBadge tone={it.custom ? 'accent' : 'calm'}>{kindOf(it)}</StatusBadge>,
    sort: true,
    width: 120,
    filter: {
      kind: 'text',
      choices: [
        { value: 'Predefined', label: 'Predefined' },
        { value: 'Custom', label: 'Custom' },
      ],
    },
  },
  {
    id: 'status',
    title: 'Status',
    value: (it) => (it.enabled ? 'Enabled' : 'Disabled'),
    render: (it) => (
      <StatusBadge tone={it.enabled ? 'good' : 'calm'}>{it.enabled ? 'Enabled' : 'Disabled'}</StatusBadge>
    ),
    sort: true,
    width: 110,
    filter: {
      kind: 'text',
      choices: [
        { value: 'Enabled', label: 'Enabled' },
        { value: 'Disabled', label: 'Disabled' },
      ],
    },
  },
  {
    id: 'sets',
    title: 'Permission sets',
    hidden: true,
    value: (it) => it.permissionSets.map(({ name }) => name).join(', '),
    filter: { kind: 'text' },
  },
  {
    id: 'createdBy',
    title: 'Created by',
    value: (it) => it.createdBy,
    sort: true,
    filter: { kind: 'text' },
  },
  {
    id: 'updatedAt',
    title: 'Last updated',
    value: (it) => (it.custom ? it.updatedAt : null),
    render: (it) => (it.custom ? <TimeAgo at={it.updatedAt} /> : '–'),
    sort: true,
    filter: { kind: 'time' },
  },
  {
    id: 'id',
    title: 'Role ID',
    hidden: true,
    value: (it) => it.id,
    sort: true,
    filter: { kind: 'integer' },
  },
];
