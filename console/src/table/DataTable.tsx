/**
 * The table of every list: search, filters, sorting, columns, pages, CSV, the call as curl, details of a row.
 *
 * What differs between lists is data (`columns`, `source`); what is shown stands in the address. A page never
 * holds more than a hundred rows, so a list of any length stays fluid.
 */
import { Drawer } from '@mantine/core';
import { useMemo, type ReactNode } from 'react';
import { usePreference, isStrings } from '@/app/preferences';
import type { FilterField } from '@/table/filters';
import { Grid } from '@/table/Grid';
import { Pager } from '@/table/Pager';
import { useTableState } from '@/table/state';
import { Toolbar } from '@/table/Toolbar';
import type { Column, RowAction, Source } from '@/table/types';
import { useRows } from '@/table/useRows';
import { ErrorState } from '@/ui/ErrorState';
import classes from './DataTable.module.css';

export interface DataTableProps<Row> {
  /** Names the table in preferences and files, such as `service-accounts`. */
  id: string;
  /** What the table lists, for people who hear it: "Service accounts". */
  label: string;
  source: Source<Row>;
  columns: readonly Column<Row>[];
  rowId: (row: Row) => string;
  /** Placeholder of the search; none where the server has no search for this list. */
  search?: string;
  actions?: (row: Row) => RowAction[];
  /** What the drawer of a row shows. `row` is undefined when a link opens a row of another page. */
  detail?: {
    title: (row: Row | undefined, id: string) => ReactNode;
    render: (id: string, row: Row | undefined) => ReactNode;
  };
  /** Shown instead of the table when the list has nothing at all. */
  empty: ReactNode;
  /** Milliseconds after which what is shown is loaded anew; for states that change by themselves. */
  refetchInterval?: number;
  /** More tools beside the search, such as a switch. */
  tools?: ReactNode;
}

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { id, columns, source, detail } = props;
  const fields = useMemo(() => filterFields(columns), [columns]);
  const [state, change] = useTableState(fields);
  const rows = useRows(source, state, columns, props.refetchInterval);
  const [shown, setShown] = usePreference(`columns.${id}`, defaultColumns(columns), isStrings);
  const visible = columns.filter((it) => it.primary || shown.includes(it.id));
  const untouched = state.conditions.length === 0 && state.search.trim() === '';

  if (rows.error && rows.rows.length === 0) {
    return (
      <section className={classes.card} aria-label={props.label}>
        <ErrorState error={rows.error} onRetry={rows.reload} />
      </section>
    );
  }
  const nothing = !rows.loading && rows.rows.length === 0;
  if (nothing && untouched && state.page === 1)
    return <section className={classes.card}>{props.empty}</section>;

  const openRow = rows.rows.find((it) => props.rowId(it) === state.open);
  return (
    <section className={classes.card} aria-label={props.label}>
      <Toolbar
        table={props}
        fields={fields}
        state={state}
        change={change}
        rows={rows}
        shown={visible.map((it) => it.id)}
        onShown={setShown}
      />
      <Grid
        table={props}
        columns={visible}
        rows={rows}
        state={state}
        change={change}
        onOpen={detail ? (rowId) => change({ open: rowId }) : undefined}
      />
      <Pager state={state} change={change} rows={rows} />
      {detail && (
        <Drawer
          opened={state.open !== undefined}
          onClose={() => change({ open: undefined })}
          title={state.open === undefined ? null : detail.title(openRow, state.open)}
          size={520}
        >
          {state.open !== undefined && detail.render(state.open, openRow)}
        </Drawer>
      )}
    </section>
  );
}

function filterFields<Row>(columns: readonly Column<Row>[]): FilterField[] {
  return columns.flatMap(({ id, title, filter }) =>
    filter ? [{ ...filter, field: filter.field ?? id, label: title }] : [],
  );
}

function defaultColumns<Row>(columns: readonly Column<Row>[]): string[] {
  return columns.filter((it) => !it.hidden).map((it) => it.id);
}
