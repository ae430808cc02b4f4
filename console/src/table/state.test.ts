import { describe, expect, it } from 'vitest';
import type { FilterField } from '@/table/filters';
import { readState, writeState } from '@/table/state';
import { arrange, pageQuery } from '@/table/useRows';
import type { Column } from '@/table/types';

const fields: FilterField[] = [{ field: 'name', kind: 'text', label: 'Name' }];
const read = (query: string) => readState(new URLSearchParams(query), fields, 25);

describe('the address of a table', () => {
  it('says what is shown', () => {
    expect(read('q=ci&filter=name%3D%40a&filter=nope%3D%3D1&sort=-name&page=3&size=50&open=7')).toEqual({
      search: 'ci',
      conditions: [{ field: 'name', operator: '=@', value: 'a' }],
      sort: { column: 'name', descending: true },
      page: 3,
      size: 50,
      open: '7',
    });
  });

  it('falls back where it says nonsense', () => {
    for (const query of ['page=-1&size=7', 'page=x&size=1000', 'page=1.5']) {
      expect(read(query)).toMatchObject({ page: 1, size: 25 });
    }
  });

  it('survives being written and read', () => {
    const state = read('q=ci&filter=name%3D%3Da&sort=name&page=3');
    expect(readState(writeState(new URLSearchParams(), state), fields, 25)).toEqual(state);
  });

  it('leads back to the first page when anything but the page changes', () => {
    const third = new URLSearchParams('page=3&q=ci');
    expect(writeState(third, { search: 'x' }).get('page')).toBeNull();
    expect(writeState(third, { sort: { column: 'name', descending: false } }).get('page')).toBeNull();
    expect(writeState(third, { open: '1' }).get('page')).toBe('3');
    expect(writeState(third, { page: 4 }).get('q')).toBe('ci');
  });
});

interface Row {
  name: string;
  at: string | null;
}
const columns: Column<Row>[] = [
  { id: 'label', title: 'Name', value: (it) => it.name, sort: true, filter: { field: 'name', kind: 'text' } },
  { id: 'at', title: 'At', value: (it) => it.at, sort: 'createdAt' },
];

describe('the page asked of the server', () => {
  it('names its fields and not our columns', () => {
    const page = pageQuery(
      { ...read('q= ci &filter=name%3D%3Da&page=3'), sort: { column: 'at', descending: true } },
      columns,
    );
    expect(page).toEqual({
      filterBy: ['name==a'],
      sortBy: 'createdAt',
      sortOrder: 'desc',
      search: 'ci',
      offset: 50,
      limit: 25,
    });
  });
});

describe('a list that came whole', () => {
  const rows: Row[] = [
    { name: 'beta', at: null },
    { name: 'Alpha', at: '2026-01-02' },
    { name: 'gamma', at: '2026-01-01' },
  ];
  const names = (query: string) => arrange(rows, read(query), columns).map((it) => it.name);

  it('is searched, filtered and sorted', () => {
    expect(names('sort=label')).toEqual(['Alpha', 'beta', 'gamma']);
    expect(names('sort=-label')).toEqual(['gamma', 'beta', 'Alpha']);
    expect(names('sort=at')).toEqual(['gamma', 'Alpha', 'beta']);
    expect(names('q=AMM')).toEqual(['gamma']);
    expect(names('filter=name%3D%40a&q=2026')).toEqual(['Alpha', 'gamma']);
    expect(rows.map((it) => it.name)).toEqual(['beta', 'Alpha', 'gamma']);
  });
});
