/** One's own access rules, and what they permit together. */
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { IconShieldCheck } from '@tabler/icons-react';
import { request } from '@/api/request';
import type { components } from '@/api/schema';
import { SCOPES, SUBJECTS } from '@/pages/access-rules/columns';
import { myPermissions } from '@/session/hooks';
import { DataTable } from '@/table/DataTable';
import { pagedList, type Column } from '@/table/types';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { PermissionMatrix } from '@/ui/PermissionMatrix';
import { Section } from '@/ui/Section';
import classes from './page.module.css';

type Rule = components['schemas']['MyAccessRule'];

const columns: readonly Column<Rule>[] = [
  { id: 'roleName', title: 'Role', primary: true, value: (it) => it.roleName },
  { id: 'scopeType', title: 'Scope type', value: (it) => SCOPES[it.scopeType] ?? it.scopeType, width: 140 },
  { id: 'scopeName', title: 'Scope', value: (it) => it.scopeName },
  {
    id: 'through',
    title: 'Given to',
    value: (it) => (it.subjectType === 'user' ? 'You' : `${SUBJECTS[it.subjectType] ?? ''} ${it.subjectId}`),
  },
];

const source = pagedList(
  ({ search, offset, limit }) =>
    request('get', '/api/v1/authorization/me/access-rules', {
      params: { query: { ...(search ? { search } : {}), offset, limit } },
    }),
  (reply) => reply.accessRules.accessRules,
);

export function MyAccess() {
  const held = useQuery(myPermissions());
  return (
    <>
      <DataTable
        id="my-access-rules"
        label="Your roles and scopes"
        source={source}
        columns={columns}
        rowId={(it) => String(it.id)}
        search="Search roles and scopes"
        empty={
          <EmptyState
            icon={IconShieldCheck}
            title="You have no roles yet"
            text="You can sign in, but nothing is allowed. Ask an administrator for an access rule."
          />
        }
      />
      <div className={`${classes.card} ${classes.permissions}`}>
        <Section title="What they permit together">
          {held.isPending ? (
            <Skeleton height={160} />
          ) : held.error ? (
            <ErrorState error={held.error} onRetry={() => void held.refetch()} compact />
          ) : (
            <PermissionMatrix label="Your permissions" held={held.data} nothing="Nothing yet." />
          )}
        </Section>
      </div>
    </>
  );
}
