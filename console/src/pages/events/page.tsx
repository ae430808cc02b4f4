/** The audit log: who did, tried and was refused what. */
import { Menu, Button, NativeSelect } from '@mantine/core';
import { IconChevronDown, IconDownload, IconHistory } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';
import { asApiError } from '@/api/errors';
import { request } from '@/api/request';
import { download } from '@/api/send';
import { columns } from '@/pages/events/columns';
import { Details } from '@/pages/events/Details';
import { DEFAULT_SPAN, SPANS, spanOf, type Span } from '@/pages/events/span';
import { saveBlob } from '@/table/csv';
import { DataTable } from '@/table/DataTable';
import { pagedList } from '@/table/types';
import { EmptyState } from '@/ui/EmptyState';
import { Note } from '@/ui/Note';
import { notifyError } from '@/ui/notify';
import { PageHeader } from '@/ui/PageHeader';
import { useNow } from '@/ui/useNow';

export function Component() {
  const [query, setQuery] = useSearchParams();
  const name = SPANS.some((it) => it.value === query.get('span')) ? query.get('span') : DEFAULT_SPAN;
  const { start, end } = spanOf(name, useNow());
  const source = useMemo(
    () =>
      pagedList(
        ({ limit, ...page }) =>
          request('get', '/api/v1/audit/log', {
            params: { query: { ...page, start, end, numberOfSamples: limit } },
          }),
        (reply) => reply.audit_logs,
      ),
    [start, end],
  );
  return (
    <>
      <PageHeader
        title="Event history"
        text="Every change, sign-in and refusal in this tenant, with who made it and from where."
        actions={<Files span={{ start, end }} filterBy={query.getAll('filter')} />}
      />
      <DataTable
        id="events"
        label="Event history"
        source={source}
        columns={columns}
        rowId={(it) => it.id}
        tools={
          <NativeSelect
            size="xs"
            aria-label="Time"
            data={SPANS.map(({ value, label }) => ({ value, label }))}
            value={name ?? DEFAULT_SPAN}
            onChange={(event) => {
              const span = event.currentTarget.value;
              setQuery((before) => {
                const next = new URLSearchParams(before);
                next.set('span', span);
                next.delete('page');
                return next;
              });
            }}
          />
        }
        detail={{
          title: (it) => (it ? `${it.action} ${it.entity_type ?? ''}` : 'Event'),
          render: (_, it) =>
            it ? <Details event={it} /> : <Note>This event is not on the page that is shown.</Note>,
        }}
        empty={
          <EmptyState
            icon={IconHistory}
            title="Nothing happened in this time"
            text="Changes, sign-ins and refusals appear here a moment after they happen. Choose a longer time to see older ones."
            action={
              <Button variant="default" onClick={() => setQuery({ span: '90d' })}>
                Show the last 90 days
              </Button>
            }
          />
        }
      />
    </>
  );
}

/** The server's own files: all that matches, not only what the table has loaded. */
function Files({ span, filterBy }: { span: Span; filterBy: string[] }) {
  const [busy, setBusy] = useState(false);
  async function save(kind: 'CSV' | 'JSON') {
    setBusy(true);
    try {
      const file = await download(
        request('get', '/api/v1/audit/log/file', {
          params: { query: { ...span, filterBy, fileType: kind } },
        }),
      );
      saveBlob(
        `event-history-${span.start.slice(0, 10)}-${span.end.slice(0, 10)}.${kind.toLowerCase()}`,
        file,
      );
    } catch (error) {
      notifyError(asApiError(error));
    } finally {
      setBusy(false);
    }
  }
  return (
    <Menu>
      <Menu.Target>
        <Button
          variant="default"
          loading={busy}
          leftSection={<IconDownload size={15} />}
          rightSection={<IconChevronDown size={14} />}
        >
          Download
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void save('CSV')}>CSV, for spreadsheets</Menu.Item>
        <Menu.Item onClick={() => void save('JSON')}>JSON, for programs</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
