/** Why was this refused? By the id of a refusal, or for anybody, anything and anywhere. */
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { IconHelpHexagon } from '@tabler/icons-react';
import { useRef } from 'react';
import { useSearchParams } from 'react-router';
import { request } from '@/api/request';
import { send } from '@/api/send';
import { addressOf, idOf, questionOf, type Question } from '@/pages/why/address';
import { Answer } from '@/pages/why/Answer';
import { AskById, AskByNames } from '@/pages/why/Ask';
import { lookUp, type Found } from '@/pages/why/lookUp';
import { myPermissions, useCan, useSession } from '@/session/hooks';
import type { Scope } from '@/ui/ScopePicker';
import type { Subject } from '@/ui/SubjectPicker';
import { CopyableId } from '@/ui/CopyableId';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Facts } from '@/ui/Facts';
import { Note } from '@/ui/Note';
import { PageHeader } from '@/ui/PageHeader';
import { TimeAgo } from '@/ui/TimeAgo';
import classes from './page.module.css';

export function Component() {
  const [query, setQuery] = useSearchParams();
  const { tenant } = useSession();
  const place: Scope = { scopeType: 'tenant', scopeId: String(tenant.id), name: tenant.name };
  const id = idOf(query);
  const question = id === undefined ? questionOf(query, place) : undefined;
  const answer = useRef<HTMLDivElement>(null);
  // Who asks wants the answer next: it is read out, and on a phone it comes into view.
  function ask(next: URLSearchParams) {
    setQuery(next);
    answer.current?.focus();
  }
  return (
    <>
      <PageHeader
        title="Why was this refused?"
        text="Every 403 has an id. Look it up here, or ask who may do what: you see the scopes and access rules that were examined, and what would grant it."
      />
      <div className={classes.columns}>
        {/* New forms for each address, so that going back shows what was asked then. */}
        <div className={classes.ask} key={query.toString()}>
          <AskById id={id} onAsk={(next) => ask(new URLSearchParams({ id: next }))} />
          <AskByNames question={question} tenant={place} onAsk={(next) => ask(addressOf(next))} />
        </div>
        <div
          className={classes.answer}
          ref={answer}
          tabIndex={-1}
          data-asked={id !== undefined || question !== undefined || undefined}
        >
          {id !== undefined ? (
            <Refusal id={id} />
          ) : question ? (
            <Explained question={question} />
          ) : (
            <div className={classes.blank}>
              <EmptyState
                icon={IconHelpHexagon}
                title="Nothing asked yet"
                text="The answer appears here. Its address can be shared: who opens it sees what they may see."
              />
            </div>
          )}
        </div>
      </div>
    </>
  );
}

function Refusal({ id }: { id: string }) {
  const can = useCan();
  const permissions = useQuery(myPermissions());
  const readsLog = can('events-history:read');
  const found = useQuery({
    queryKey: ['why', 'id', id, readsLog],
    queryFn: ({ signal }) => lookUp(id, readsLog, signal),
    enabled: permissions.isSuccess,
  });
  if (found.isPending) return <Waiting />;
  if (found.error) {
    return (
      <div className={classes.blank}>
        <ErrorState error={found.error} onRetry={() => void found.refetch()} />
      </div>
    );
  }
  return <FoundRefusal found={found.data} />;
}

function FoundRefusal({ found }: { found: Found }) {
  const { user } = useSession();
  if ('event' in found) {
    const it = found.event;
    return (
      <Note tone="warn" title="This was refused for another reason than missing access">
        {`${it.http_method} ${it.url} by ${it.subject} was refused before access rules were looked at, such as for a form that did not come from this console.`}
      </Note>
    );
  }
  const it = found.decision;
  const own = it.subjectType === 'user' && it.subject === user.email;
  const subject: Subject | undefined = own
    ? undefined
    : { subjectType: it.subjectType, subjectId: it.subject, name: it.subject };
  return (
    <Answer
      key={it.id}
      answer={it}
      subject={subject}
      facts={
        <Facts
          facts={[
            ['Who', it.subject],
            ['Call', <code key="call">{`${it.httpMethod} ${it.url}`}</code>],
            ['Missing', <code key="missing">{it.permission}</code>],
            ['When', <TimeAgo key="when" at={it.refusedAt} />],
            ['Id', <CopyableId key="id" id={it.id} what="id of the refusal" full />],
          ]}
        />
      }
    />
  );
}

function Explained({ question }: { question: Question }) {
  const sent = request('post', '/api/v1/authorization/explain', { body: bodyOf(question) });
  const answer = useQuery({
    // The question is in the body, which the keys of other calls leave out.
    queryKey: ['why', 'question', JSON.stringify(sent.body)],
    queryFn: ({ signal }) => send(sent, signal),
  });
  if (answer.isPending) return <Waiting />;
  if (answer.error) {
    return (
      <div className={classes.blank}>
        <ErrorState error={answer.error} onRetry={() => void answer.refetch()} />
      </div>
    );
  }
  return <Answer answer={answer.data} subject={question.subject} />;
}

function bodyOf({ subject, action, resourceType, scope }: Question) {
  return {
    action,
    resourceType,
    scopeType: scope.scopeType,
    scopeId: scope.scopeId,
    ...(subject ? { subjectId: subject.subjectId, subjectType: subject.subjectType } : {}),
  };
}

function Waiting() {
  return (
    <div className={classes.blank} role="status" aria-label="Loading the answer">
      <Skeleton height={64} radius="md" />
      <Skeleton height={180} radius="md" mt={14} />
    </div>
  );
}
