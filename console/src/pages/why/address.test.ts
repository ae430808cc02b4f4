import { describe, expect, it } from 'vitest';
import { addressOf, idOf, questionOf, type Question } from '@/pages/why/address';
import type { Scope } from '@/ui/ScopePicker';

const tenant: Scope = { scopeType: 'tenant', scopeId: '1001', name: 'runai' };

describe('a question in the address', () => {
  it.each<Question>([
    { subject: undefined, action: 'read', resourceType: 'project', scope: tenant },
    {
      subject: { subjectType: 'user', subjectId: 'a+b@example.com', name: 'a+b@example.com' },
      action: 'delete',
      resourceType: 'access_rules',
      scope: { scopeType: 'project', scopeId: '7', name: 'R & D' },
    },
  ])('comes back as it was', (question) => {
    expect(questionOf(new URLSearchParams(addressOf(question).toString()), tenant)).toEqual(question);
  });

  it('names service accounts by name', () => {
    const subject = { subjectType: 'service-account', subjectId: '0b1c', name: 'ci' } as const;
    const query = addressOf({ subject, action: 'read', resourceType: 'nodes', scope: tenant });
    expect(query.get('subject')).toBe('ci');
  });

  it('is none without an action that exists and a resource type', () => {
    expect(questionOf(new URLSearchParams('action=sync&resource=nodes'), tenant)).toBeUndefined();
    expect(questionOf(new URLSearchParams('action=read'), tenant)).toBeUndefined();
  });

  it('leaves out a scope that is none', () => {
    const query = new URLSearchParams('action=read&resource=nodes&scopeType=galaxy&scope=1');
    expect(questionOf(query, tenant)?.scope).toEqual(tenant);
  });
});

it('takes the id from either link', () => {
  expect(idOf(new URLSearchParams('decision=a'))).toBe('a');
  expect(idOf(new URLSearchParams('id=b'))).toBe('b');
  expect(idOf(new URLSearchParams())).toBeUndefined();
});
