import { describe, expect, it } from 'vitest';
import {
  OPERATORS,
  compareCells,
  meets,
  problemOf,
  readCondition,
  writeCondition,
  type FilterField,
} from '@/table/filters';

const name: FilterField = { field: 'name', kind: 'text', label: 'Name', operators: OPERATORS };
const count: FilterField = { field: 'gpuAllocated', kind: 'number', label: 'GPUs' };
const created: FilterField = { field: 'createdAt', kind: 'time', label: 'Created' };
const fields = [name, count, created];

describe('conditions in filterBy', () => {
  it.each(OPERATORS)('survive being written and read with %s', (operator) => {
    for (const value of ['a', 'a==b', '=@', '<=5', 'x,y', ' spaced ', 'ünï']) {
      const condition = { field: 'name', operator, value };
      expect(readCondition(writeCondition(condition), fields)).toEqual(condition);
    }
  });

  it('are left out when an address names a field or an operator that the list lacks', () => {
    expect(readCondition('secret==1', fields)).toBeUndefined();
    expect(readCondition('gpuAllocated=@1', fields)).toBeUndefined();
    expect(readCondition('name==', fields)).toBeUndefined();
    expect(readCondition('name', fields)).toBeUndefined();
    expect(readCondition('', fields)).toBeUndefined();
  });

  it('are refused where the server would read a second term', () => {
    const about = (value: string) => problemOf({ field: 'name', operator: '==', value }, name, fields);
    expect(about('a,name==b')).toContain(',name==');
    expect(about('a,gpuAllocated<=b')).toContain('another filter');
    expect(about('a,other==b')).toBeUndefined();
    expect(about('a, name==b')).toBeUndefined();
    expect(about('a,b')).toBeUndefined();
  });

  it('are checked by kind', () => {
    const about = (field: FilterField, value: string) =>
      problemOf({ field: field.field, operator: '>=', value }, field, fields);
    expect(about(count, '1.5')).toBeUndefined();
    expect(about(count, 'many')).toContain('number');
    expect(about({ ...count, kind: 'integer' }, '1.5')).toContain('whole');
    expect(about(created, '2026-01-31')).toBeUndefined();
    expect(about(created, 'soon')).toContain('date');
    expect(about(name, '  ')).toBeDefined();
  });
});

describe('conditions on a list that came whole', () => {
  it('compare text without regard to case', () => {
    expect(meets({ field: 'name', operator: '=@', value: 'CI' }, 'text', 'my-ci-bot')).toBe(true);
    expect(meets({ field: 'name', operator: '!@', value: 'CI' }, 'text', 'my-ci-bot')).toBe(false);
    expect(meets({ field: 'name', operator: '=^', value: 'My' }, 'text', 'my-ci-bot')).toBe(true);
    expect(meets({ field: 'name', operator: '=$', value: 'ci' }, 'text', 'my-ci-bot')).toBe(false);
    expect(meets({ field: 'name', operator: '==', value: 'MY-CI-BOT' }, 'text', 'my-ci-bot')).toBe(true);
  });

  it('compare numbers and instants by value', () => {
    expect(meets({ field: 'n', operator: '>=', value: '10' }, 'number', 9)).toBe(false);
    expect(meets({ field: 'n', operator: '<=', value: '10' }, 'number', 9)).toBe(true);
    const since = { field: 't', operator: '>=', value: '2026-01-01T00:00:00Z' } as const;
    expect(meets(since, 'time', '2026-01-01T01:00:00+00:30')).toBe(true);
    expect(meets(since, 'time', null)).toBe(false);
  });

  it('sort with nothing last', () => {
    expect([null, 'b', undefined, 'A', ''].sort(compareCells).slice(0, 2)).toEqual(['A', 'b']);
    expect([10, 9, 100].sort(compareCells)).toEqual([9, 10, 100]);
  });
});
