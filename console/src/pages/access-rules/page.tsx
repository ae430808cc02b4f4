/** Access rules: who holds which role, and where. */
import { Button } from '@mantine/core';
import { IconKey, IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { request } from '@/api/request';
import { columns, SCOPES, type Rule } from '@/pages/access-rules/columns';
import { Details } from '@/pages/access-rules/Details';
import { RuleForm } from '@/pages/access-rules/RuleForm';
import { useCan } from '@/session/hooks';
import { DataTable } from '@/table/DataTable';
import { pagedList, type RowAction } from '@/table/types';
import { RULES_PATH } from '@/ui/AccessRuleForm';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { PageHeader } from '@/ui/PageHeader';

const source = pagedList(
  (page) => request('get', '/api/v1/authorization/access-rules', { params: { query: page } }),
  (reply) => reply.accessRules,
);

const whereOf = (rule: Rule) =>
  `${(SCOPES[rule.scopeType] ?? rule.scopeType).toLowerCase()} ${rule.scopeName}`;

export function Component() {
  const can = useCan();
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Rule>();
  const create = can('access_rules:create') && (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
      New access rule
    </Button>
  );
  const actions = (rule: Rule): RowAction[] =>
    can('access_rules:delete')
      ? [{ label: 'Delete…', icon: IconTrash, danger: true, onClick: () => setDeleting(rule) }]
      : [];
  return (
    <>
      <PageHeader
        title="Access rules"
        text="Who may do what, and where: each rule gives a subject a role in a scope and in everything below it."
        actions={create}
      />
      <DataTable
        id="access-rules"
        label="Access rules"
        source={source}
        columns={columns}
        rowId={(it) => String(it.id)}
        search="Search access rules"
        actions={actions}
        detail={{
          title: (it) => (it ? `${it.subjectId} is ${it.roleName}` : 'Access rule'),
          render: (id) => <Details id={id} />,
        }}
        empty={
          <EmptyState
            icon={IconKey}
            title="No access rules that you can see"
            text="Give a person, a service account or a group a role in the tenant, a cluster, a department or a project."
            action={create}
          />
        }
      />
      {creating && <RuleForm onClose={() => setCreating(false)} />}
      {deleting && (
        <ConfirmDialog
          opened
          onClose={() => setDeleting(undefined)}
          title={`Take ${deleting.roleName} in ${whereOf(deleting)} from ${deleting.subjectId}?`}
          action="Delete access rule"
          request={request('delete', '/api/v1/authorization/access-rules/{accessRuleId}', {
            params: { path: { accessRuleId: String(deleting.id) } },
          })}
          touches={[RULES_PATH]}
          done="The access rule is deleted."
        >
          From the next request on, <b>{deleting.subjectId}</b> may no longer do what only this rule grants.
          Tokens that were issued before lose it too.
        </ConfirmDialog>
      )}
    </>
  );
}
