/** The two ways to ask: by the id of a refusal, or by naming who, what and where. */
import { Button, Input, SegmentedControl, Select, Stack, TextInput, Textarea, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useId, useState, type ReactNode } from 'react';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { ACTIONS, type Action, type Question } from '@/pages/why/address';
import { idIn } from '@/pages/why/path';
import { myPermissions, useCan } from '@/session/hooks';
import { ScopePicker, type Scope } from '@/ui/ScopePicker';
import { SubjectPicker, type Subject } from '@/ui/SubjectPicker';
import classes from './page.module.css';

const NOBODY: Subject = { subjectType: 'user', subjectId: '', name: '' };
const VERBS: Readonly<Record<Action, string>> = {
  create: 'Create',
  read: 'View',
  update: 'Change',
  delete: 'Delete',
};

function Card({ title, children, onSubmit }: { title: string; children: ReactNode; onSubmit: () => void }) {
  const heading = useId();
  return (
    <form
      className={classes.card}
      aria-labelledby={heading}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <Title order={2} fz="md" id={heading}>
        {title}
      </Title>
      {children}
    </form>
  );
}

/** The id of a refusal, or whatever holds it. */
export function AskById({ id, onAsk }: { id: string | undefined; onAsk: (id: string) => void }) {
  const [pasted, setPasted] = useState(id ?? '');
  const [error, setError] = useState<string>();
  function submit() {
    const found = idIn(pasted);
    setError(
      found ? undefined : 'There is no id in this. It looks like 01a20295-021f-7437-ab3f-68019fe43ddf.',
    );
    if (found) onAsk(found);
  }
  return (
    <Card title="Look up a refusal" onSubmit={submit}>
      <Textarea
        label="Id of the refusal"
        description="It stands in the 403 under decision.id. The whole answer will do, too, or a request ID."
        autosize
        minRows={1}
        maxRows={6}
        spellCheck={false}
        value={pasted}
        error={error}
        onChange={({ currentTarget }) => {
          setPasted(currentTarget.value);
          setError(undefined);
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey) return;
          event.preventDefault();
          submit();
        }}
      />
      <div>
        <Button type="submit">Look up</Button>
      </div>
    </Card>
  );
}

interface AskProps {
  question: Question | undefined;
  tenant: Scope;
  onAsk: (question: Question) => void;
}

/** Who, what and where. */
export function AskByNames({ question, tenant, onAsk }: AskProps) {
  const can = useCan();
  const mayAskOfOthers = can('access_rules:read');
  const [ofOther, setOfOther] = useState(question?.subject !== undefined);
  const [subject, setSubject] = useState(question?.subject ?? NOBODY);
  const [action, setAction] = useState<Action>(question?.action ?? 'read');
  const [resourceType, setResourceType] = useState(question?.resourceType ?? '');
  const [scope, setScope] = useState(question?.scope ?? tenant);
  const [lacks, setLacks] = useState<{ subject?: string; resource?: string; scope?: string }>({});
  const other = ofOther && mayAskOfOthers;
  const types = useResourceTypes();

  function submit() {
    const missing = {
      ...(other && !subject.subjectId.trim() ? { subject: 'Say who it is about.' } : {}),
      ...(resourceType.trim() ? {} : { resource: 'Say what it is about.' }),
      ...(scope.scopeId ? {} : { scope: `Choose a ${scope.scopeType}.` }),
    };
    setLacks(missing);
    if (Object.keys(missing).length > 0) return;
    onAsk({ subject: other ? subject : undefined, action, resourceType: resourceType.trim(), scope });
  }

  const actions = types.get(resourceType)?.actions;
  return (
    <Card title="Ask who may do what" onSubmit={submit}>
      {mayAskOfOthers && (
        <Input.Wrapper label="Who" labelElement="div">
          <SegmentedControl
            size="xs"
            fullWidth
            mt={4}
            aria-label="Who"
            value={other ? 'other' : 'me'}
            onChange={(next) => setOfOther(next === 'other')}
            data={[
              { value: 'me', label: 'Myself' },
              { value: 'other', label: 'Somebody else' },
            ]}
          />
        </Input.Wrapper>
      )}
      {other && <SubjectPicker value={subject} onChange={setSubject} error={lacks.subject} />}
      <Stack gap={8}>
        <Select
          label="Action"
          value={action}
          onChange={(next) => setAction(ACTIONS.find((it) => it === next) ?? 'read')}
          data={ACTIONS.filter((it) => !actions || actions.has(it)).map((it) => ({
            value: it,
            label: VERBS[it],
          }))}
        />
        {types.size > 0 ? (
          <Select
            label="Resource type"
            placeholder="Such as Projects"
            searchable
            nothingFoundMessage="Nothing found"
            value={resourceType || null}
            error={lacks.resource}
            onChange={(next) => {
              const allowed = types.get(next ?? '')?.actions;
              setResourceType(next ?? '');
              if (allowed && !allowed.has(action)) setAction(ACTIONS.find((it) => allowed.has(it)) ?? 'read');
            }}
            data={[...types].map(([value, { label }]) => ({ value, label }))}
          />
        ) : (
          <TextInput
            label="Resource type"
            placeholder="project"
            description="As permissions name it, such as project in project:read."
            spellCheck={false}
            value={resourceType}
            error={lacks.resource}
            onChange={({ currentTarget }) => setResourceType(currentTarget.value)}
          />
        )}
      </Stack>
      <ScopePicker label="Where" value={scope} onChange={setScope} error={lacks.scope} />
      <div>
        <Button type="submit">Explain</Button>
      </div>
    </Card>
  );
}

interface ResourceType {
  label: string;
  actions: Set<string>;
}

/** What there is to ask about: all that any role the person may read has, and all the person holds. */
function useResourceTypes(): ReadonlyMap<string, ResourceType> {
  const can = useCan();
  const roles = useQuery({
    ...queryOf(request('get', '/api/v2/authorization/roles')),
    enabled: can('roles:read'),
  });
  const own = useQuery(myPermissions());
  const found = new Map<string, ResourceType>();
  for (const it of [...(own.data ?? []), ...(roles.data ?? []).flatMap((role) => role.permissions)]) {
    const known = found.get(it.resourceType) ?? { label: it.displayName, actions: new Set<string>() };
    for (const action of it.actions) known.actions.add(action);
    found.set(it.resourceType, known);
  }
  // Some types share a display name; the name in permissions tells them apart.
  const names = [...found.values()].map((it) => it.label);
  for (const [type, it] of found)
    if (names.filter((name) => name === it.label).length > 1) it.label = `${it.label} (${type})`;
  return new Map([...found].sort(([, a], [, b]) => a.label.localeCompare(b.label)));
}
