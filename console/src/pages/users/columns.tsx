import type { components } from '@/api/schema';
import type { Column } from '@/table/types';
import { StatusBadge } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';

export type User = components['schemas']['UserOut'];

/** The paths whose answers a change of a user makes old. */
export const TOUCHES = ['/api/v1/users', '/api/v1/authorization/access-rules'] as const;

/** How the person proves who they are. */
export const signInOf = (user: User) => (user.isLocal ? 'Password' : 'Single sign-on');

export const columns: readonly Column<User>[] = [
  {
    id: 'username',
    title: 'User',
    primary: true,
    value: (it) => it.username,
    sort: 'username',
    filter: { kind: 'text', operators: ['=@', '=='] },
  },
  {
    id: 'type',
    title: 'Signs in with',
    value: signInOf,
    render: (it) => <StatusBadge tone={it.isLocal ? 'calm' : 'accent'}>{signInOf(it)}</StatusBadge>,
    sort: 'type',
    width: 150,
    filter: {
      field: 'isLocal',
      kind: 'boolean',
      operators: ['=='],
      choices: [
        { value: 'true', label: 'Password' },
        { value: 'false', label: 'Single sign-on' },
      ],
    },
  },
  {
    id: 'groups',
    title: 'Groups',
    value: (it) => it.groups?.join(', '),
    hidden: true,
  },
  {
    id: 'lastLogin',
    title: 'Last login',
    value: (it) => it.lastLogin,
    render: (it) => <TimeAgo at={it.lastLogin} never="Never" />,
    sort: 'lastLogin',
    filter: { kind: 'time' },
  },
  {
    id: 'createdBy',
    title: 'Created by',
    value: (it) => it.createdBy,
    sort: 'createdBy',
    filter: { kind: 'text', operators: ['=@', '=='] },
  },
  {
    id: 'createdAt',
    title: 'Created',
    value: (it) => it.createdAt,
    render: (it) => <TimeAgo at={it.createdAt} />,
    sort: 'creationTime',
    filter: { field: 'creationTime', kind: 'time' },
  },
  {
    id: 'updatedAt',
    title: 'Last updated',
    hidden: true,
    value: (it) => it.updatedAt,
    render: (it) => <TimeAgo at={it.updatedAt} />,
    sort: 'lastUpdated',
    filter: { field: 'lastUpdated', kind: 'time' },
  },
];
