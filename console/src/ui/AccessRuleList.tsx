/** The access rules of one subject, or those made for one scope, with the way to take one back. */
import { ActionIcon, Skeleton, Text, Tooltip } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import type { components } from '@/api/schema';
import { useCan } from '@/session/hooks';
import { RULES_PATH } from '@/ui/AccessRuleForm';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import type { Scope } from '@/ui/ScopePicker';
import { ErrorState } from '@/ui/ErrorState';
import classes from './AccessRuleList.module.css';

type Rule = components['schemas']['AccessRule'];

/** More than a subject usually has; the page "Access rules" lists them all. */
const SHOWN = 100;

interface OfSubject {
  /** As rules name the subject: what `subjectId` of a rule says. */
  subjectId: string;
  /** The types by which rules call such a subject. */
  subjectTypes: readonly string[];
}

interface AtScope {
  scope: Pick<Scope, 'scopeType' | 'scopeId'>;
}

export function AccessRuleList(props: OfSubject | AtScope) {
  const filterBy =
    'scope' in props
      ? [`scopeType==${props.scope.scopeType}`, `scopeId==${props.scope.scopeId}`]
      : [`subjectId==${props.subjectId}`];
  const can = useCan();
  const [deleting, setDeleting] = useState<Rule>();
  const rules = useQuery(
    queryOf(
      request('get', '/api/v1/authorization/access-rules', {
        params: { query: { filterBy, limit: SHOWN, sortBy: 'createdAt' } },
      }),
    ),
  );
  if (rules.isPending) return <Skeleton height={36} />;
  if (rules.error) return <ErrorState error={rules.error} onRetry={() => void rules.refetch()} compact />;
  const shown = rules.data.accessRules.filter(
    (it) => 'scope' in props || props.subjectTypes.includes(it.subjectType),
  );
  if (shown.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {'scope' in props
          ? `No access rule names this ${props.scope.scopeType}; those of the scopes above it hold here too.`
          : 'No access rule yet: signing in works, but nothing is allowed.'}
      </Text>
    );
  }
  return (
    <ul className={classes.rules}>
      {shown.map((rule) => (
        <li key={rule.id} className={classes.rule}>
          <span>
            <b>{rule.roleName}</b>{' '}
            {'scope' in props ? (
              <>
                <span className={classes.where}>for {rule.subjectType.replace('-', ' ')}</span>{' '}
                {rule.subjectId}
              </>
            ) : (
              <>
                <span className={classes.where}>in {rule.scopeType}</span> {rule.scopeName}
              </>
            )}
          </span>
          {can('access_rules:delete') && (
            <Tooltip label="Delete this access rule">
              <ActionIcon
                aria-label={
                  'scope' in props
                    ? `Delete the access rule ${rule.roleName} for ${rule.subjectId}`
                    : `Delete the access rule ${rule.roleName} in ${rule.scopeName}`
                }
                onClick={() => setDeleting(rule)}
              >
                <IconTrash size={15} />
              </ActionIcon>
            </Tooltip>
          )}
        </li>
      ))}
      {deleting && (
        <ConfirmDialog
          opened
          onClose={() => setDeleting(undefined)}
          title={`Take ${deleting.roleName} in ${deleting.scopeName} away?`}
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
    </ul>
  );
}
