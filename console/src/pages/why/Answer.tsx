/** What was examined, what it came to, and what would change it. */
import { Button, Group, Skeleton, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { IconCircleCheck, IconCircleX, IconKey } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { RuleForm } from '@/pages/access-rules/RuleForm';
import { ExaminedPath } from '@/pages/why/Examined';
import { examine, type Answer as AnswerOf, type Rule } from '@/pages/why/path';
import { useScopeName } from '@/pages/why/useScopeName';
import { useCan, useSession } from '@/session/hooks';
import { CopyButton } from '@/ui/CopyButton';
import type { Scope } from '@/ui/ScopePicker';
import type { Subject } from '@/ui/SubjectPicker';
import classes from './Answer.module.css';

/** More than a subject usually has; those that grant are named in the answer in any case. */
const RULES = 100;
/** Roles are listed with the narrowest first; the first few will do nearly always. */
const FEW = 5;

interface Props {
  answer: AnswerOf;
  /** Undefined for the person who is signed in. */
  subject: Subject | undefined;
  /** What is known of the call that was refused. */
  facts?: ReactNode;
}

export function Answer({ answer, subject, facts }: Props) {
  const { rules, known } = useRules(subject);
  const Icon = answer.allowed ? IconCircleCheck : IconCircleX;
  const refusal = facts !== undefined;
  return (
    <article className={classes.answer} aria-label="Answer">
      <header className={classes.verdict} data-allowed={answer.allowed || undefined}>
        <Icon size={24} stroke={1.7} aria-hidden="true" />
        <div className={classes.words} role="status">
          <Title order={2} fz="md">
            {answer.allowed
              ? refusal
                ? 'It would be allowed now'
                : 'Allowed'
              : refusal
                ? 'Refused, and it still would be'
                : 'Not allowed'}
          </Title>
          <p>{answer.message}</p>
        </div>
        <CopyButton text={window.location.href} what="link to this answer" />
      </header>
      {facts && (
        <section className={classes.part}>
          <Title order={3}>What was refused</Title>
          {facts}
        </section>
      )}
      <section className={classes.part}>
        <Title order={3}>What was examined</Title>
        <ExaminedPath examined={examine(answer, rules)} permission={answer.permission} rulesKnown={known} />
      </section>
      {!answer.allowed && <Grant answer={answer} subject={subject} />}
    </article>
  );
}

/** The rules of the subject, as far as the caller may see them. */
function useRules(subject: Subject | undefined): { rules: readonly Rule[]; known: boolean } {
  const can = useCan();
  const mine = useQuery({
    ...queryOf(
      request('get', '/api/v1/authorization/me/access-rules', { params: { query: { limit: RULES } } }),
    ),
    enabled: subject === undefined,
  });
  const theirs = useQuery({
    ...queryOf(
      request('get', '/api/v1/authorization/access-rules', {
        params: { query: { filterBy: [`subjectId==${subject?.subjectId ?? ''}`], limit: RULES } },
      }),
    ),
    enabled: subject !== undefined && can('access_rules:read'),
  });
  const rules = subject ? theirs.data?.accessRules : mine.data?.accessRules.accessRules;
  return { rules: rules ?? [], known: rules !== undefined };
}

function Grant({ answer, subject }: { answer: AnswerOf; subject: Subject | undefined }) {
  const can = useCan();
  const client = useQueryClient();
  const { user } = useSession();
  const scope = useNarrowest(answer);
  const { roles, loading } = useRolesNarrowestFirst(answer);
  const [all, setAll] = useState(false);
  const [giving, setGiving] = useState<string>();
  const mayGive = can('access_rules:create');
  const who = subject ?? { subjectType: 'user', subjectId: user.email, name: user.email };
  const shown = all ? roles : roles.slice(0, FEW);

  function close() {
    setGiving(undefined);
    void client.invalidateQueries({ queryKey: ['why'] });
  }

  return (
    <section className={classes.part}>
      <Title order={3}>What would grant it</Title>
      {roles.length === 0 && !loading ? (
        <p className={classes.text}>No role that is enabled includes {answer.permission}.</p>
      ) : (
        <>
          <p className={classes.text}>
            One of these roles in {scope.scopeType} <b>{scope.name}</b>
            {scope.scopeType !== 'tenant' && ', or in a scope above it on the path'}. The role with the fewest
            permissions comes first.
            {!mayGive && ' Ask an administrator, and send the link to this answer along.'}
          </p>
          {loading ? (
            <Skeleton height={120} />
          ) : (
            <ul className={classes.roles} aria-label="Roles that would grant it">
              {shown.map((it) => (
                <li key={it.id} className={classes.role}>
                  <span className={classes.words}>
                    <b>{it.name}</b>
                    {it.size !== undefined && <span className={classes.size}>{it.size} permissions</span>}
                  </span>
                  {mayGive && (
                    <Button
                      variant="subtle"
                      leftSection={<IconKey size={15} />}
                      aria-label={`Give ${it.name}`}
                      onClick={() => setGiving(String(it.id))}
                    >
                      Give…
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )}
          {roles.length > FEW && (
            <Group>
              <Button variant="subtle" px={6} onClick={() => setAll(!all)} aria-expanded={all}>
                {all ? 'Show fewer' : `Show all ${roles.length} roles`}
              </Button>
            </Group>
          )}
        </>
      )}
      {giving && <RuleForm onClose={close} given={{ subjectId: who, roleId: giving, scopeId: scope }} />}
    </section>
  );
}

/** The last scope of the path, as a form has it. */
function useNarrowest(answer: AnswerOf): Scope {
  const { tenant } = useSession();
  const last = examine(answer, []).scopes.at(-1);
  const name = useScopeName(last?.kind ?? 'tenant', last?.id ?? '');
  if (!last || last.kind === 'tenant' || last.kind === 'system')
    return { scopeType: 'tenant', scopeId: String(tenant.id), name: tenant.name };
  return { scopeType: last.kind, scopeId: last.id, name: name ?? last.id };
}

interface NamedRole {
  id: number;
  name: string;
  /** How many permissions it has; undefined where the caller may not read roles. */
  size: number | undefined;
}

function useRolesNarrowestFirst(answer: AnswerOf): { roles: NamedRole[]; loading: boolean } {
  const can = useCan();
  const all = useQuery({
    ...queryOf(request('get', '/api/v2/authorization/roles')),
    enabled: can('roles:read'),
  });
  const sizes = new Map(
    (all.data ?? []).map((it) => [
      it.id,
      it.permissions.reduce((sum, { actions }) => sum + actions.length, 0),
    ]),
  );
  const roles = answer.rolesThatWouldGrant.map(({ id, name }) => ({ id, name, size: sizes.get(id) }));
  return {
    roles: roles.sort((a, b) => (a.size ?? 0) - (b.size ?? 0)),
    // Not before the order is known: a list that turns over while one reaches for it is worse than a pause.
    loading: can('roles:read') && all.isPending,
  };
}
