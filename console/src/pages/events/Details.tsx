/** The drawer of one event: everything that was recorded, and the way on where it was a refusal. */
import { Anchor } from '@mantine/core';
import { Link } from 'react-router';
import { outcomeOf, targetOf, type Event } from '@/pages/events/columns';
import { CopyableId } from '@/ui/CopyableId';
import { Facts } from '@/ui/Facts';
import { Section } from '@/ui/Section';
import { StatusBadge } from '@/ui/StatusBadge';
import { fullTime } from '@/ui/time';

export function Details({ event }: { event: Event }) {
  const outcome = outcomeOf(event);
  const more = Object.entries(event.metadata).sort(([a], [b]) => a.localeCompare(b));
  return (
    <>
      <Section title="What happened">
        <Facts
          facts={[
            [
              'Result',
              <StatusBadge key="result" tone={outcome.tone}>
                {`${outcome.word} (${String(event.http_status_code)})`}
              </StatusBadge>,
            ],
            ['Time', fullTime(event.timestamp)],
            ['Action', event.action],
            ['Object type', event.entity_type],
            ['Object', targetOf(event) || undefined],
            ['Cluster', event.cluster_name],
          ]}
        />
        {event.http_status_code === 403 && (
          <Anchor
            component={Link}
            size="sm"
            to={`/why?id=${encodeURIComponent(event.metadata.decisionId ?? event.request_id)}`}
          >
            Why was this refused?
          </Anchor>
        )}
      </Section>
      <Section title="Who called">
        <Facts
          facts={[
            ['Subject', event.subject],
            ['Subject type', event.subject_type],
            [
              'Source IP',
              event.source_ip && (
                <span key="ip" className="unkerned">
                  {event.source_ip}
                </span>
              ),
            ],
            ['Call', `${event.http_method} ${event.url}`],
            ['Request ID', <CopyableId key="id" id={event.request_id} what="request ID" full />],
          ]}
        />
      </Section>
      {more.length > 0 && (
        <Section title="Recorded with it">
          <Facts facts={more} />
        </Section>
      )}
    </>
  );
}
