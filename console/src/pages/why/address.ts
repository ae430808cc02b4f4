/** What is asked, as it stands in the address of the page. Pure. */
import { KINDS } from '@/pages/why/path';
import type { Scope, ScopeType } from '@/ui/ScopePicker';
import type { Subject, SubjectType } from '@/ui/SubjectPicker';

export const ACTIONS = ['create', 'read', 'update', 'delete'] as const;
export type Action = (typeof ACTIONS)[number];

export interface Question {
  /** Undefined for oneself. */
  subject: Subject | undefined;
  action: Action;
  resourceType: string;
  scope: Scope;
}

const SUBJECTS: readonly SubjectType[] = ['user', 'service-account', 'group'];

/** The id to look up. Errors link with `decision`, the event history with `id`. */
export function idOf(query: URLSearchParams): string | undefined {
  return query.get('decision') ?? query.get('id') ?? undefined;
}

/** The question in an address; undefined where there is none. `tenant` is the scope without one. */
export function questionOf(query: URLSearchParams, tenant: Scope): Question | undefined {
  const action = ACTIONS.find((it) => it === query.get('action'));
  const resourceType = query.get('resource');
  if (!action || !resourceType) return undefined;
  const subjectType = SUBJECTS.find((it) => it === query.get('subjectType'));
  const subjectId = query.get('subject');
  const scopeType = KINDS.find((it) => it === query.get('scopeType'));
  const scopeId = query.get('scope');
  return {
    action,
    resourceType,
    subject: subjectType && subjectId ? { subjectType, subjectId, name: subjectId } : undefined,
    scope:
      scopeType && scopeType !== 'system' && scopeType !== 'tenant' && scopeId
        ? { scopeType: scopeType satisfies ScopeType, scopeId, name: query.get('scopeName') ?? scopeId }
        : tenant,
  };
}

/** The address of a question. Service accounts are named by their names, which people can read. */
export function addressOf({ subject, action, resourceType, scope }: Question): URLSearchParams {
  const query = new URLSearchParams({ action, resource: resourceType });
  if (subject) {
    query.set('subjectType', subject.subjectType);
    query.set('subject', subject.subjectType === 'service-account' ? subject.name : subject.subjectId.trim());
  }
  if (scope.scopeType !== 'tenant') {
    query.set('scopeType', scope.scopeType);
    query.set('scope', scope.scopeId);
    query.set('scopeName', scope.name);
  }
  return query;
}
