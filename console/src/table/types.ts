/** What a page tells the table of its list. */
import type { ComponentType, ReactNode } from 'react';
import type { ApiRequest } from '@/api/request';
import type { Kind, Operator } from '@/table/filters';

export type Cell = string | number | boolean | null | undefined;

export interface Column<Row> {
  /** Stands in the preferences of browsers; keep it. */
  id: string;
  title: string;
  /** The value as data: what CSV holds, and what a whole list is sorted, searched and filtered by. */
  value: (row: Row) => Cell;
  /** How it is shown; the value itself otherwise. */
  render?: (row: Row) => ReactNode;
  /** The server's name in `sortBy`; for a whole list, true. */
  sort?: string | true;
  /** The server's name and kind in `filterBy`; `field` is the column's id unless it says otherwise. */
  filter?: {
    field?: string;
    kind: Kind;
    operators?: readonly Operator[];
    choices?: readonly { value: string; label: string }[];
  };
  align?: 'right';
  /** Width in pixels that the column wants; others share what is left. */
  width?: number;
  /** Not shown until chosen. */
  hidden?: boolean;
  /** Cannot be hidden: the column that says which row this is. One of each table. */
  primary?: boolean;
}

/**
 * What the list operations of the API take. `sortBy` is `never` because every operation has its own names and
 * `never` fits them all; the columns say which they are.
 */
export interface PageQuery {
  filterBy?: string[];
  sortBy?: never;
  sortOrder?: 'asc' | 'desc';
  search?: string;
  offset: number;
  limit: number;
}

/** Where rows come from: page by page from the server, or all at once where the API has no pages. */
export type Source<Row> =
  | {
      paged: true;
      request: (page: PageQuery) => ApiRequest<unknown>;
      rows: (reply: unknown) => readonly Row[];
    }
  | { paged: false; request: ApiRequest<unknown>; rows: (reply: unknown) => readonly Row[] };

/** A list that the server cuts into pages, filters and sorts. */
export function pagedList<Reply, Row>(
  request: (page: PageQuery) => ApiRequest<Reply>,
  rows: (reply: Reply) => readonly Row[],
): Source<Row> {
  return { paged: true, request, rows: rows as (reply: unknown) => readonly Row[] };
}

/** A list that the API sends whole; paged, filtered and sorted here. */
export function wholeList<Reply, Row>(
  request: ApiRequest<Reply>,
  rows: (reply: Reply) => readonly Row[],
): Source<Row> {
  return { paged: false, request, rows: rows as (reply: unknown) => readonly Row[] };
}

export interface RowAction {
  label: string;
  icon?: ComponentType<{ size?: number | string }>;
  onClick: () => void;
  danger?: boolean;
  /** Why it cannot be done now; shown instead of the action working. */
  disabled?: string | undefined;
}

export const PAGE_SIZES = [25, 50, 100] as const;
