/** Above the rows: search, filters, columns, and what can be done with the list as a whole. */
import { ActionIcon, CloseButton, Menu, TextInput, Tooltip } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconDots, IconDownload, IconRefresh, IconSearch, IconTerminal2 } from '@tabler/icons-react';
import { useState } from 'react';
import { ColumnChooser } from '@/table/ColumnChooser';
import type { DataTableProps } from '@/table/DataTable';
import { FilterBar } from '@/table/FilterBar';
import type { FilterField } from '@/table/filters';
import type { TableState } from '@/table/state';
import { useCsv } from '@/table/useCsv';
import type { Rows } from '@/table/useRows';
import { copyCurl } from '@/ui/copy';
import classes from './Toolbar.module.css';

interface Props<Row> {
  table: DataTableProps<Row>;
  fields: readonly FilterField[];
  state: TableState;
  change: (part: Partial<TableState>, options?: { replace?: boolean }) => void;
  rows: Rows<Row>;
  shown: string[];
  onShown: (ids: string[]) => void;
}

export function Toolbar<Row>({ table, fields, state, change, rows, shown, onShown }: Props<Row>) {
  const csv = useCsv(table, rows);
  return (
    <div className={classes.bar}>
      {table.search && (
        <Search
          placeholder={table.search}
          value={state.search}
          onSearch={(search) => change({ search }, { replace: true })}
        />
      )}
      <FilterBar
        fields={fields}
        conditions={state.conditions}
        onChange={(conditions) => change({ conditions })}
      />
      <div className={classes.tools}>
        {table.tools}
        <Tooltip label="Load again">
          <ActionIcon aria-label="Load again" onClick={rows.reload}>
            <IconRefresh size={16} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
        <ColumnChooser columns={table.columns} shown={shown} onChange={onShown} />
        <Menu>
          <Menu.Target>
            <ActionIcon aria-label={`More for ${table.label}`}>
              <IconDots size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item
              leftSection={<IconDownload size={15} />}
              disabled={csv.busy}
              onClick={() => void csv.download()}
            >
              {csv.busy ? `Downloading… ${csv.rows} rows` : 'Download as CSV'}
            </Menu.Item>
            <Menu.Item leftSection={<IconTerminal2 size={15} />} onClick={() => void copyCurl(rows.request)}>
              Copy as curl
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
    </div>
  );
}

function Search({
  placeholder,
  value,
  onSearch,
}: {
  placeholder: string;
  value: string;
  onSearch: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  // The address may change without typing: back, or "clear". What comes back of one's own typing is old news.
  const [seen, setSeen] = useState(value);
  const [sent, setSent] = useState(value);
  if (value !== seen) {
    setSeen(value);
    if (value !== sent) setText(value);
  }
  const search = useDebouncedCallback((wanted: string) => {
    setSent(wanted);
    onSearch(wanted);
  }, 250);
  return (
    <TextInput
      className={classes.search}
      size="xs"
      type="search"
      aria-label={placeholder}
      placeholder={placeholder}
      leftSection={<IconSearch size={14} />}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        search(event.currentTarget.value);
      }}
      rightSection={
        text ? (
          <CloseButton
            size="xs"
            aria-label="Clear the search"
            onClick={() => {
              setText('');
              onSearch('');
            }}
          />
        ) : null
      }
    />
  );
}
