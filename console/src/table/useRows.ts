/** The rows that a table shows now, whichever way they come. */
import { keepPreviousData, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { ApiError } from '@/api/errors';
import { pageOf } from '@/api/query';
import { withHeader, type ApiRequest } from '@/api/request';
import { collect } from '@/table/csv';
import { compareCells, meets, writeCondition } from '@/table/filters';
import type { TableState } from '@/table/state';
import type { Column, PageQuery, Source } from '@/table/types';

export interface Rows<Row> {
  rows: readonly Row[];
  /** Rows of the whole list as it is filtered; undefined where the server has not counted to the end. */
  total: number | undefined;
  /** Such as `1000+`, while `total` is not known. */
  counted: string | undefined;
  more: boolean;
  loading: boolean;
  /** Other rows than those shown are on their way. */
  stale: boolean;
  error: ApiError | null;
  reload: () => void;
  /** The call behind what is shown. */
  request: ApiRequest;
  /** All rows of the list as it is filtered and sorted, for a file. */
  all: (onProgress: (rows: number) => void) => Promise<{ rows: readonly Row[]; cut: boolean }>;
}

/** The query of a page of `state`. */
export function pageQuery<Row>(state: TableState, columns: readonly Column<Row>[]): PageQuery {
  const column = columns.find((it) => it.id === state.sort?.column);
  const sortBy = typeof column?.sort === 'string' ? column.sort : undefined;
  return {
    ...(state.conditions.length ? { filterBy: state.conditions.map(writeCondition) } : {}),
    ...(sortBy ? { sortBy: sortBy as never, sortOrder: state.sort?.descending ? 'desc' : 'asc' } : {}),
    ...(state.search.trim() ? { search: state.search.trim() } : {}),
    offset: (state.page - 1) * state.size,
    limit: state.size,
  };
}

/** A whole list as `state` wants it: filtered, searched and sorted, not yet cut. */
export function arrange<Row>(
  rows: readonly Row[],
  state: TableState,
  columns: readonly Column<Row>[],
): Row[] {
  const wanted = state.search.trim().toLowerCase();
  const kept = rows.filter(
    (row) =>
      state.conditions.every((condition) => {
        const column = columns.find((it) => it.filter && (it.filter.field ?? it.id) === condition.field);
        return column?.filter === undefined || meets(condition, column.filter.kind, column.value(row));
      }) &&
      (wanted === '' ||
        columns.some((it) =>
          String(it.value(row) ?? '')
            .toLowerCase()
            .includes(wanted),
        )),
  );
  const by = columns.find((it) => it.sort && it.id === state.sort?.column);
  if (!by) return kept;
  const sign = state.sort?.descending ? -1 : 1;
  return kept.sort((a, b) => sign * compareCells(by.value(a), by.value(b)));
}

export function useRows<Row>(
  source: Source<Row>,
  state: TableState,
  columns: readonly Column<Row>[],
  refetchInterval?: number,
): Rows<Row> {
  const client = useQueryClient();
  const query = pageQuery(state, columns);
  const sent = source.paged ? source.request(query) : source.request;
  const page = useQuery({
    ...pageOf(sent),
    placeholderData: keepPreviousData,
    ...(refetchInterval === undefined ? {} : { refetchInterval }),
  });
  const counting =
    source.paged &&
    !page.isPlaceholderData &&
    page.data?.total === undefined &&
    page.data?.counted !== undefined;
  const exact = useQuery({
    ...pageOf(source.paged ? countRequest(source, query) : sent),
    enabled: counting,
    staleTime: 60_000,
  });

  const given = useMemo(() => (page.data ? source.rows(page.data.data) : []), [page.data, source]);
  const arranged = useMemo(
    () => (source.paged ? given : arrange(given, state, columns)),
    [given, source.paged, state, columns],
  );
  const from = (state.page - 1) * state.size;
  return {
    rows: source.paged ? arranged : arranged.slice(from, from + state.size),
    total: source.paged ? (page.data?.total ?? (counting ? exact.data?.total : undefined)) : arranged.length,
    counted: page.data?.counted,
    more: source.paged ? (page.data?.more ?? false) : arranged.length > from + state.size,
    loading: page.isPending,
    stale: page.isPlaceholderData,
    error: page.error,
    reload: () => void page.refetch(),
    request: sent,
    all: (onProgress) =>
      source.paged
        ? everything(client, source, query, onProgress)
        : Promise.resolve({ rows: arranged, cut: false }),
  };
}

/** Counts to the end, which the server does only when asked; one row is the least it sends with the count. */
function countRequest<Row>(source: Source<Row> & { paged: true }, query: PageQuery): ApiRequest {
  const { filterBy, search } = query;
  const page = { ...(filterBy ? { filterBy } : {}), ...(search ? { search } : {}), offset: 0, limit: 1 };
  return withHeader(source.request(page), 'Prefer', 'count=exact');
}

function everything<Row>(
  client: QueryClient,
  source: Source<Row> & { paged: true },
  query: PageQuery,
  onProgress: (rows: number) => void,
) {
  const load = async (offset: number, limit: number) => {
    // Twenty thousand rows have no business in the cache.
    const reply = await client.fetchQuery({
      ...pageOf(source.request({ ...query, offset, limit })),
      gcTime: 0,
    });
    return source.rows(reply.data);
  };
  return collect(load, onProgress);
}
