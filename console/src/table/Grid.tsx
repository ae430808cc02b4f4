/**
 * The rows. A real table; on a phone each row is drawn as a block of its own, which is why the roles are
 * spelled out: browsers forget them when the display changes.
 */
/* eslint-disable jsx-a11y/no-interactive-element-to-noninteractive-role, jsx-a11y/no-redundant-roles -- see above */
import { Skeleton, UnstyledButton } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconFilterOff } from '@tabler/icons-react';
import { createColumnHelper, flexRender, getCoreRowModel, useReactTable } from '@tanstack/react-table';
import { useMemo, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import type { DataTableProps } from '@/table/DataTable';
import { RowMenu } from '@/table/RowMenu';
import type { TableState } from '@/table/state';
import type { Cell, Column } from '@/table/types';
import type { Rows } from '@/table/useRows';
import { EmptyState } from '@/ui/EmptyState';
import classes from './Grid.module.css';

interface Props<Row> {
  table: DataTableProps<Row>;
  columns: readonly Column<Row>[];
  rows: Rows<Row>;
  state: TableState;
  change: (part: Partial<TableState>) => void;
  onOpen: ((rowId: string) => void) | undefined;
}

const INTERACTIVE = 'a, button, input, label, [role="menuitem"], [data-inert]';

export function Grid<Row>({ table, columns, rows, state, change, onOpen }: Props<Row>) {
  const helper = useMemo(() => createColumnHelper<Row>(), []);
  const model = useReactTable<Row>({
    data: rows.rows as Row[],
    columns: useMemo(
      () =>
        columns.map((column) =>
          helper.accessor((row) => column.value(row), {
            id: column.id,
            header: column.title,
            // Not the model's own value: it is kept for as long as the row, and columns may learn more.
            cell: ({ row }) =>
              (column.render ? column.render(row.original) : undefined) ?? plain(column.value(row.original)),
          }),
        ),
      [columns, helper],
    ),
    getRowId: table.rowId,
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true,
    manualPagination: true,
    manualFiltering: true,
  });

  if (!rows.loading && rows.rows.length === 0)
    return <NothingFound onClear={() => change({ search: '', conditions: [] })} />;
  const open = (event: MouseEvent | KeyboardEvent, rowId: string) => {
    const target = event.target as HTMLElement;
    // Clicks inside a menu of the row reach it through React although the menu is drawn elsewhere.
    if (!onOpen || target.closest(INTERACTIVE) || !event.currentTarget.contains(target)) return;
    if (window.getSelection()?.toString()) return;
    onOpen(rowId);
  };
  return (
    <div
      className={classes.scroll}
      data-stale={rows.stale || undefined}
      aria-busy={rows.loading || rows.stale}
    >
      <table className={classes.table} role="table">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <HeaderCell key={column.id} column={column} state={state} change={change} />
            ))}
            {table.actions && (
              <th role="columnheader" className={classes.menuCell}>
                <span className={classes.hidden}>Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.loading && <Skeletons columns={columns.length + (table.actions ? 1 : 0)} />}
          {model.getRowModel().rows.map((row) => (
            <tr
              key={row.id}
              role="row"
              data-open={state.open === row.id || undefined}
              data-clickable={onOpen !== undefined || undefined}
              onClick={(event) => open(event, row.id)}
            >
              {row.getVisibleCells().map((cell, index) => {
                const column = columns[index];
                const content = flexRender(cell.column.columnDef.cell, cell.getContext());
                return (
                  <td
                    key={cell.id}
                    role="cell"
                    data-label={column?.title}
                    data-primary={column?.primary || undefined}
                    data-align={column?.align}
                  >
                    {column?.primary && onOpen ? (
                      <UnstyledButton className={classes.open} onClick={() => onOpen(row.id)}>
                        {content}
                      </UnstyledButton>
                    ) : (
                      content
                    )}
                  </td>
                );
              })}
              {table.actions && (
                <td role="cell" className={classes.menuCell}>
                  <RowMenu actions={table.actions(row.original)} name={nameOf(columns, row.original)} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function HeaderCell<Row>({
  column,
  state,
  change,
}: Pick<Props<Row>, 'state' | 'change'> & { column: Column<Row> }) {
  const sorted = state.sort?.column === column.id ? state.sort : undefined;
  const order = sorted ? (sorted.descending ? 'descending' : 'ascending') : 'none';
  // Up, down, and back to the list's own order.
  const next = !sorted
    ? { column: column.id, descending: false }
    : sorted.descending
      ? undefined
      : { column: column.id, descending: true };
  return (
    <th
      role="columnheader"
      aria-sort={column.sort ? order : undefined}
      data-align={column.align}
      style={column.width === undefined ? undefined : { width: column.width }}
    >
      {column.sort ? (
        <UnstyledButton className={classes.sort} onClick={() => change({ sort: next })}>
          {column.title}
          {sorted && (sorted.descending ? <IconArrowDown size={13} /> : <IconArrowUp size={13} />)}
        </UnstyledButton>
      ) : (
        column.title
      )}
    </th>
  );
}

function Skeletons({ columns }: { columns: number }) {
  return Array.from({ length: 8 }, (_, row) => (
    <tr key={row} role="row" aria-hidden="true">
      {Array.from({ length: columns }, (_, column) => (
        <td key={column} role="cell">
          <Skeleton
            height={10}
            radius="sm"
            width={column === columns - 1 ? 20 : `${80 - ((row * 13 + column * 29) % 45)}%`}
          />
        </td>
      ))}
    </tr>
  ));
}

function NothingFound({ onClear }: { onClear: () => void }) {
  return (
    <EmptyState
      icon={IconFilterOff}
      title="Nothing matches"
      text="No row meets the search and the filters."
      action={
        <UnstyledButton className={classes.clear} onClick={onClear}>
          Clear search and filters
        </UnstyledButton>
      }
    />
  );
}

function nameOf<Row>(columns: readonly Column<Row>[], row: Row): string {
  return String(columns.find((it) => it.primary)?.value(row) ?? '');
}

function plain(value: Cell): ReactNode {
  if (value === null || value === undefined || value === '') return <span className={classes.none}>–</span>;
  return typeof value === 'boolean' ? (value ? 'Yes' : 'No') : value;
}
