import { describe, expect, it } from 'vitest';
import { examine, idIn, instantIn, scopeIn, type Answer, type Rule } from '@/pages/why/path';

const ID = '01a20295-021f-7437-ab3f-68019fe43ddf';
const CLUSTER = '01a20294-f09e-7ce5-9d3a-4e3ff38ad601';

const answer: Answer = {
  allowed: false,
  message: '',
  permission: 'project:create',
  scopePath: ['tenant runai', `cluster ${CLUSTER}`, 'department 4'],
  grantedBy: [],
  rolesThatWouldGrant: [],
};

function rule(id: number, scopeType: string, scopeId: string, more: Partial<Rule> = {}): Rule {
  return {
    id,
    subjectId: 'a@example.com',
    subjectType: 'user',
    roleName: 'Viewer',
    scopeType,
    scopeId,
    scopeName: scopeId,
    ...more,
  };
}

describe('the path that was examined', () => {
  it('reads scopes from the words of the server', () => {
    expect(scopeIn('department 4')).toEqual({ kind: 'department', id: '4' });
    expect(scopeIn('system')).toEqual({ kind: 'system', id: '' });
    expect(scopeIn('galaxy 4')).toBeUndefined();
  });

  it('puts each rule where it holds, and the others elsewhere', () => {
    const found = examine(answer, [
      rule(1, 'tenant', '1001'),
      rule(2, 'department', '4'),
      rule(3, 'department', '5'),
      rule(4, 'project', '4'),
    ]);
    expect(found.scopes.map((it) => it.rules.map(({ id }) => id))).toEqual([[1], [], [2]]);
    expect(found.elsewhere.map((it) => it.id)).toEqual([3, 4]);
    expect(found.scopes.flatMap((it) => it.rules).some((it) => it.grants)).toBe(false);
  });

  it('tells which rules grant, and adds those that only a group has', () => {
    const granted = {
      ...answer,
      grantedBy: [
        { accessRuleId: 2, roleName: 'Editor', scopeType: 'department', scopeId: '4' },
        { accessRuleId: 9, roleName: 'Editor', scopeType: 'tenant', scopeId: '1001' },
      ],
    };
    const found = examine(granted, [rule(2, 'department', '4'), rule(1, 'tenant', '1001')]);
    const grants = Object.fromEntries(
      found.scopes.flatMap((it) => it.rules).map((it) => [it.id, it.grants] as const),
    );
    expect(grants).toEqual({ 1: false, 2: true, 9: true });
  });

  it('names the group that a rule comes through, and shows rules for the system first', () => {
    const found = examine(answer, [
      rule(1, 'tenant', '1001', { subjectType: 'group', subjectId: 'ml' }),
      rule(2, 'system', '0'),
    ]);
    expect(found.scopes[0]?.rules.map((it) => [it.id, it.group])).toEqual([
      [1, 'ml'],
      [2, undefined],
    ]);
  });
});

describe('what was pasted', () => {
  it('may be an id, a line or the whole refusal', () => {
    expect(idIn(` ${ID.toUpperCase()}\n`)).toBe(ID);
    expect(idIn(`refused (decision ${ID}) at noon`)).toBe(ID);
    const body = { message: `not in cluster ${CLUSTER}`, decision: { id: ID, scopePath: [] } };
    expect(idIn(JSON.stringify(body, null, 2))).toBe(ID);
    expect(idIn('403 Forbidden')).toBeUndefined();
  });

  it('says when it was, if it is a UUIDv7', () => {
    expect(new Date(instantIn(ID) ?? 0).toISOString()).toBe('2026-11-22T09:27:29.567Z');
    expect(instantIn('6fa459ea-ee8a-4ca4-894e-db77e160355e')).toBeUndefined();
  });
});
