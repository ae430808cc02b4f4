/** Who still calls what is deprecated, so that a program can be changed before the route goes. */
import { IconActivity } from '@tabler/icons-react';
import { request } from '@/api/request';
import type { components } from '@/api/schema';
import { DataTable } from '@/table/DataTable';
import { pagedList, type Column } from '@/table/types';
import { CopyableId } from '@/ui/CopyableId';
import { EmptyState } from '@/ui/EmptyState';
import { Facts } from '@/ui/Facts';
import { Note } from '@/ui/Note';
import { PageHeader } from '@/ui/PageHeader';
import { Section } from '@/ui/Section';
import { TimeAgo } from '@/ui/TimeAgo';
import classes from './page.module.css';

type Usage = components['schemas']['DeprecatedCallOut'];

const columns: readonly Column<Usage>[] = [
  {
    id: 'subject',
    title: 'Caller',
    primary: true,
    value: (it) => it.subject,
    sort: 'subject',
    filter: { kind: 'text' },
  },
  {
    id: 'subjectType',
    title: 'Kind',
    value: (it) => it.subjectType,
    sort: 'subjectType',
    width: 130,
    hidden: true,
    filter: { kind: 'text' },
  },
  {
    id: 'path',
    title: 'Deprecated call',
    value: (it) => `${it.method} ${it.path}`,
    render: (it) => <Route method={it.method} path={it.path} />,
    sort: 'path',
    filter: { kind: 'text' },
  },
  {
    id: 'successor',
    title: 'Call instead',
    value: (it) => it.successor,
    render: (it) => (it.successor === null ? '–' : <code className={classes.path}>{it.successor}</code>),
  },
  {
    id: 'userAgent',
    title: 'Program',
    value: (it) => it.userAgent,
    sort: 'userAgent',
    filter: { kind: 'text' },
  },
  {
    id: 'calls',
    title: 'Calls',
    value: (it) => it.calls,
    render: (it) => it.calls.toLocaleString(),
    sort: 'calls',
    align: 'right',
    width: 80,
    filter: { kind: 'integer' },
  },
  {
    id: 'lastSeen',
    title: 'Last seen',
    value: (it) => it.lastSeen,
    render: (it) => <TimeAgo at={it.lastSeen} />,
    sort: 'lastSeen',
    width: 130,
    filter: { kind: 'time' },
  },
  {
    id: 'firstSeen',
    title: 'First seen',
    hidden: true,
    value: (it) => it.firstSeen,
    render: (it) => <TimeAgo at={it.firstSeen} />,
    sort: 'firstSeen',
    filter: { kind: 'time' },
  },
];

const source = pagedList(
  (page) => request('get', '/api/v1/administration/deprecated-calls', { params: { query: page } }),
  (reply) => reply.deprecatedCalls,
);

export function Component() {
  return (
    <>
      <PageHeader
        title="API usage"
        text="Programs that still use deprecated routes, with the route to use instead. Every such answer also says so in its Deprecation and Link headers."
      />
      <DataTable
        id="api-usage"
        label="Deprecated calls"
        source={source}
        columns={columns}
        rowId={(it) => it.id}
        search="Search caller, program or route"
        detail={{
          title: (it) => it?.subject ?? 'Deprecated call',
          render: (_, it) =>
            it ? <Details usage={it} /> : <Note>This entry is not on the page that is shown.</Note>,
        }}
        empty={
          <EmptyState
            icon={IconActivity}
            title="Nobody uses a deprecated route"
            text="Calls to older routes appear here a moment after they are made, with who made them and what to call instead."
          />
        }
      />
    </>
  );
}

function Route({ method, path }: { method: string; path: string }) {
  return (
    <code className={classes.path}>
      <span className={classes.method}>{method}</span> {path}
    </code>
  );
}

function Details({ usage }: { usage: Usage }) {
  return (
    <Section title="Details">
      <Facts
        facts={[
          ['Caller', usage.subject],
          ['Kind', usage.subjectType],
          ['ID', <CopyableId key="id" id={usage.subjectId} what="ID of the caller" full />],
          ['Program', usage.userAgent || 'Did not say'],
          ['Deprecated call', <Route key="path" method={usage.method} path={usage.path} />],
          [
            'Call instead',
            usage.successor && (
              <code key="successor" className={classes.path}>
                {usage.successor}
              </code>
            ),
          ],
          ['Calls', usage.calls.toLocaleString()],
          ['First seen', <TimeAgo key="first" at={usage.firstSeen} />],
          ['Last seen', <TimeAgo key="last" at={usage.lastSeen} />],
        ]}
      />
    </Section>
  );
}
