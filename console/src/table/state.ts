/**
 * What a table shows, kept in the address: a link to a filtered list shows the same list to somebody else.
 *
 * Parameters: `q` search, `filter` (once for each condition), `sort` (`-name` is descending), `page`, `size`,
 * `open` the row whose details are shown.
 */
import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { recall, remember } from '@/app/preferences';
import { readCondition, writeCondition, type Condition, type FilterField } from '@/table/filters';
import { PAGE_SIZES } from '@/table/types';

export interface TableState {
  search: string;
  conditions: readonly Condition[];
  sort: { column: string; descending: boolean } | undefined;
  /** The first is 1. */
  page: number;
  size: number;
  open: string | undefined;
}

const isSize = (value: unknown): value is number => PAGE_SIZES.some((it) => it === value);

/** The state that an address says. What it says wrongly is left out. */
export function readState(
  query: URLSearchParams,
  fields: readonly FilterField[],
  defaultSize: number,
): TableState {
  const sort = query.get('sort') ?? '';
  const size = Number(query.get('size'));
  const page = Number(query.get('page'));
  return {
    search: query.get('q') ?? '',
    conditions: query.getAll('filter').flatMap((term) => readCondition(term, fields) ?? []),
    sort: sort ? { column: sort.replace(/^-/, ''), descending: sort.startsWith('-') } : undefined,
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
    size: isSize(size) ? size : defaultSize,
    open: query.get('open') ?? undefined,
  };
}

/** `query` with `change` made to it. Everything but another page leads back to the first one. */
export function writeState(query: URLSearchParams, change: Partial<TableState>): URLSearchParams {
  const next = new URLSearchParams(query);
  const put = (name: string, value: string | undefined) =>
    value ? next.set(name, value) : next.delete(name);
  if ('search' in change) put('q', change.search);
  if ('sort' in change)
    put('sort', change.sort && `${change.sort.descending ? '-' : ''}${change.sort.column}`);
  if ('size' in change) put('size', String(change.size));
  if ('open' in change) put('open', change.open);
  if (change.conditions) {
    next.delete('filter');
    for (const it of change.conditions) next.append('filter', writeCondition(it));
  }
  if ('page' in change) put('page', change.page === 1 ? undefined : String(change.page));
  else if (!('open' in change)) next.delete('page');
  return next;
}

/** The state of the table on this page, and how to change it. `replace` leaves no trace in the history. */
export function useTableState(fields: readonly FilterField[]) {
  const [query, setQuery] = useSearchParams();
  const defaultSize = recall('page-size', 25, isSize);
  const state = useMemo(() => readState(query, fields, defaultSize), [query, fields, defaultSize]);
  const change = useCallback(
    (part: Partial<TableState>, options?: { replace?: boolean }) => {
      if (part.size !== undefined) remember('page-size', part.size);
      setQuery((before) => writeState(before, part), {
        replace: options?.replace ?? false,
        preventScrollReset: true,
      });
    },
    [setQuery],
  );
  return [state, change] as const;
}
