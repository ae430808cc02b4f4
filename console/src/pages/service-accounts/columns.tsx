import { CopyableId } from '@/ui/CopyableId';
import { ExpiryBadge } from '@/ui/ExpiryBadge';
import { StatusBadge } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';
import type { Column } from '@/table/types';
import type { components } from '@/api/schema';

export type ServiceAccount = components['schemas']['ServiceAccount'];

/** The paths whose answers a change of a service account makes old; the older name shows the same objects. */
export const TOUCHES = [
  '/api/v1/service-accounts',
  '/api/v1/apps',
  '/api/v1/authorization/access-rules',
] as const;

export const columns: readonly Column<ServiceAccount>[] = [
  {
    id: 'name',
    title: 'Service account',
    primary: true,
    value: (it) => it.name,
    sort: true,
    filter: { kind: 'text' },
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
    id: 'clientId',
    title: 'Client ID',
    value: (it) => it.clientId,
    render: (it) => <CopyableId id={it.clientId} what="client ID" />,
    filter: { kind: 'text' },
  },
  {
    id: 'expiresAt',
    title: 'Expires',
    value: (it) => it.expiresAt,
    render: (it) => <ExpiryBadge at={it.expiresAt} />,
    sort: true,
    filter: { kind: 'time' },
  },
  {
    id: 'lastLogin',
    title: 'Last used',
    value: (it) => it.lastLogin,
    render: (it) => <TimeAgo at={it.lastLogin} never="Never" />,
    sort: true,
    filter: { kind: 'time' },
  },
  {
    id: 'createdBy',
    title: 'Created by',
    value: (it) => it.createdBy,
    sort: true,
    filter: { kind: 'text' },
  },
  {
    id: 'createdAt',
    title: 'Created',
    value: (it) => it.createdAt,
    render: (it) => <TimeAgo at={it.createdAt} />,
    sort: true,
    filter: { kind: 'time' },
  },
  {
    id: 'updatedAt',
    title: 'Last updated',
    hidden: true,
    value: (it) => it.updatedAt,
    render: (it) => <TimeAgo at={it.updatedAt} />,
    sort: true,
    filter: { kind: 'time' },
  },
];
