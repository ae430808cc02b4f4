/** The scopes that were examined, with the rules that were found in each. Pure. */
import type { components } from '@/api/schema';

type Schemas = components['schemas'];
export type Answer = Schemas['ExplainOut'];
export type Decision = Schemas['DecisionOut'];

/** What is used of a rule, whichever list it comes from. */
export type Rule = Pick<
  Schemas['MyAccessRule'],
  'id' | 'subjectId' | 'subjectType' | 'roleName' | 'scopeType' | 'scopeId' | 'scopeName'
>;

export const KINDS = ['system', 'tenant', 'cluster', 'department', 'project'] as const;
export type ScopeKind = (typeof KINDS)[number];

export interface ExaminedRule {
  id: number;
  roleName: string;
  /** Whether its role holds the permission. */
  grants: boolean;
  /** The group through which it reaches the subject. */
  group?: string;
}

export interface ExaminedScope {
  kind: ScopeKind;
  /** Id of the scope; the realm's name for a tenant. */
  id: string;
  rules: ExaminedRule[];
}

export interface Examined {
  scopes: ExaminedScope[];
  /** Rules of the subject for scopes that are not on the path. */
  elsewhere: Rule[];
}

/** A scope in the words of the server, such as `department 4`; undefined for words that are none. */
export function scopeIn(words: string): { kind: ScopeKind; id: string } | undefined {
  const [first = '', ...rest] = words.split(' ');
  const kind = KINDS.find((it) => it === first);
  return kind && { kind, id: rest.join(' ') };
}

/** Puts the subject's rules on the path. `rules` may lack those that come from groups: `grantedBy` has them. */
export function examine(answer: Answer, rules: readonly Rule[]): Examined {
  const granting = new Set(answer.grantedBy.map((it) => it.accessRuleId));
  const scopes: ExaminedScope[] = answer.scopePath.flatMap((words) => {
    const scope = scopeIn(words);
    return scope ? [{ ...scope, rules: [] }] : [];
  });
  const elsewhere: Rule[] = [];
  // A rule for the whole system holds in every tenant: it is shown where the path begins.
  const placeOf = (type: string, id: string) =>
    scopes.find((it) => it.kind === type && (type === 'tenant' || type === 'system' || it.id === id)) ??
    (type === 'system' ? scopes[0] : undefined);
  for (const rule of rules) {
    const place = placeOf(rule.scopeType, rule.scopeId);
    if (!place) elsewhere.push(rule);
    else
      place.rules.push({
        id: rule.id,
        roleName: rule.roleName,
        grants: granting.has(rule.id),
        ...(rule.subjectType === 'group' ? { group: rule.subjectId } : {}),
      });
  }
  const known = new Set(rules.map((it) => it.id));
  for (const it of answer.grantedBy) {
    if (known.has(it.accessRuleId)) continue;
    placeOf(it.scopeType, it.scopeId)?.rules.push({
      id: it.accessRuleId,
      roleName: it.roleName,
      grants: true,
    });
  }
  return { scopes, elsewhere };
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** The id in what was pasted: an id, a line of a log, or the whole JSON of a 403. */
export function idIn(pasted: string): string | undefined {
  // The message of a 403 may name a cluster, whose id comes before the decision's.
  const named = new RegExp(`"id"\\s*:\\s*"(${UUID})"`, 'i').exec(pasted)?.[1];
  return (named ?? new RegExp(UUID, 'i').exec(pasted)?.[0])?.toLowerCase();
}

/** The instant in a UUIDv7, in milliseconds; undefined for other ids. */
export function instantIn(id: string): number | undefined {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(id)
    ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
    : undefined;
}
