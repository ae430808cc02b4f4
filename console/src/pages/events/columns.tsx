import { Text } from '@mantine/core';
import type { components } from '@/api/schema';
import type { Column } from '@/table/types';
import { StatusBadge, type Tone } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';

export type Event = components['schemas']['AuditRecordOut'];

/** Refusals are not failures of the server: they are told apart by their status. */
export function outcomeOf(event: Event): { word: string; tone: Tone } {
  if (event.result === 'Succeeded') return { word: 'Succeeded', tone: 'good' };
  return event.http_status_code === 403 ? { word: 'Refused', tone: 'warn' } : { word: 'Failed', tone: 'bad' };
}

/** What was acted on, by the name people know it by. */
export function targetOf(event: Event): string {
  return event.entity_name ?? event.entity_id ?? '';
}

export const columns: readonly Column<Event>[] = [
  {
    id: 'timestamp',
    title: 'Time',
    primary: true,
    value: (it) => it.timestamp,
    render: (it) => <TimeAgo at={it.timestamp} />,
    sort: 'timestamp',
    width: 130,
  },
  {
    id: 'subject',
    title: 'Subject',
    value: (it) => it.subject,
    sort: 'subject',
    filter: { kind: 'text' },
  },
  {
    id: 'subject_type',
    title: 'Subject type',
    value: (it) => it.subject_type,
    sort: 'subject_type',
    hidden: true,
    filter: {
      kind: 'text',
      choices: [
        { value: 'User', label: 'User' },
        { value: 'App', label: 'Application' },
      ],
    },
  },
  {
    id: 'action',
    title: 'Action',
    value: (it) => it.action,
    sort: 'action',
    width: 110,
    filter: { kind: 'text' },
  },
  {
    id: 'entity_type',
    title: 'Object type',
    value: (it) => it.entity_type,
    sort: 'entity_type',
    filter: { kind: 'text' },
  },
  {
    id: 'entity_name',
    title: 'Object',
    value: targetOf,
    render: (it) => targetOf(it) || <Call event={it} />,
    sort: 'entity_name',
    filter: { kind: 'text' },
  },
  {
    id: 'result',
    title: 'Result',
    value: (it) => outcomeOf(it).word,
    render: (it) => <StatusBadge tone={outcomeOf(it).tone}>{outcomeOf(it).word}</StatusBadge>,
    sort: 'result',
    width: 120,
    filter: {
      kind: 'text',
      choices: [
        { value: 'Succeeded', label: 'Succeeded' },
        { value: 'Failed', label: 'Failed or refused' },
      ],
    },
  },
  {
    id: 'source_ip',
    title: 'Source IP',
    value: (it) => it.source_ip,
    // The dots of an address drown between kerned digits.
    render: (it) => (it.source_ip ? <span className="unkerned">{it.source_ip}</span> : undefined),
    sort: 'source_ip',
    width: 130,
    filter: { kind: 'text' },
  },
  {
    id: 'url',
    title: 'Call',
    value: (it) => `${it.http_method} ${it.url}`,
    sort: 'url',
    hidden: true,
    filter: { kind: 'text' },
  },
  {
    id: 'cluster_name',
    title: 'Cluster',
    value: (it) => it.cluster_name,
    hidden: true,
    filter: { kind: 'text' },
  },
  { id: 'status', title: 'Status code', value: (it) => it.http_status_code, hidden: true, align: 'right' },
  { id: 'request_id', title: 'Request ID', value: (it) => it.request_id, hidden: true },
];

/** Stands in where nothing was found to act on, as in most refusals. */
function Call({ event }: { event: Event }) {
  return (
    <Text span size="xs" c="dimmed" ff="monospace">
      {event.http_method} {event.url}
    </Text>
  );
}
