import { ActionIcon, NativeSelect } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import type { TableState } from '@/table/state';
import { PAGE_SIZES } from '@/table/types';
import type { Rows } from '@/table/useRows';
import classes from './Pager.module.css';

interface Props<Row> {
  state: TableState;
  change: (part: Partial<TableState>) => void;
  rows: Rows<Row>;
}

const number = new Intl.NumberFormat('en');

/** Which rows of how many are shown, and the way to the others. */
export function Pager<Row>({ state, change, rows }: Props<Row>) {
  const from = (state.page - 1) * state.size;
  const total = rows.total === undefined ? rows.counted : number.format(rows.total);
  const shown = rows.rows.length;
  if (rows.loading) return <div className={classes.pager} />;
  return (
    <div className={classes.pager}>
      <span className={classes.where} role="status">
        {shown === 0 ? 'No rows here' : `${number.format(from + 1)}–${number.format(from + shown)}`}
        {total !== undefined && ` of ${total}`}
      </span>
      <NativeSelect
        size="xs"
        aria-label="Rows on a page"
        value={state.size}
        data={PAGE_SIZES.map((it) => ({ value: String(it), label: `${it} rows` }))}
        onChange={(event) => change({ size: Number(event.currentTarget.value) })}
      />
      <ActionIcon
        variant="default"
        aria-label="Previous page"
        disabled={state.page === 1}
        onClick={() => change({ page: state.page - 1 })}
      >
        <IconChevronLeft size={16} />
      </ActionIcon>
      <ActionIcon
        variant="default"
        aria-label="Next page"
        disabled={!rows.more}
        onClick={() => change({ page: state.page + 1 })}
      >
        <IconChevronRight size={16} />
      </ActionIcon>
    </div>
  );
}
