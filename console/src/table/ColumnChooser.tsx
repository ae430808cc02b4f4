import { ActionIcon, Checkbox, Popover, Stack, Tooltip } from '@mantine/core';
import { IconColumns3 } from '@tabler/icons-react';
import type { Column } from '@/table/types';

interface Props<Row> {
  columns: readonly Column<Row>[];
  shown: string[];
  onChange: (ids: string[]) => void;
}

/** Which columns are shown; kept in this browser. */
export function ColumnChooser<Row>({ columns, shown, onChange }: Props<Row>) {
  return (
    <Popover position="bottom-end" shadow="md" trapFocus>
      <Popover.Target>
        <Tooltip label="Columns">
          <ActionIcon aria-label="Columns">
            <IconColumns3 size={16} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown aria-label="Columns to show">
        <Stack gap={9}>
          {columns.map(({ id, title, primary }) => (
            <Checkbox
              key={id}
              label={title}
              checked={primary ?? shown.includes(id)}
              disabled={primary ?? false}
              onChange={({ currentTarget }) =>
                onChange(currentTarget.checked ? [...shown, id] : shown.filter((it) => it !== id))
              }
            />
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
