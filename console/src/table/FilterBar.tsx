/** The conditions of a list as chips, and the way to add one. */
import { Button, CloseButton } from '@mantine/core';
import { IconFilterPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { FilterForm } from '@/table/FilterForm';
import { wordOf, type Condition, type FilterField } from '@/table/filters';
import { Popover } from '@mantine/core';
import classes from './FilterBar.module.css';

interface Props {
  fields: readonly FilterField[];
  conditions: readonly Condition[];
  onChange: (conditions: Condition[]) => void;
}

export function FilterBar({ fields, conditions, onChange }: Props) {
  const [adding, setAdding] = useState(false);
  if (fields.length === 0) return null;
  const remove = (index: number) => onChange(conditions.filter((_, at) => at !== index));
  return (
    <>
      {conditions.map((condition, index) => (
        <Chip
          key={`${index} ${condition.field}`}
          condition={condition}
          fields={fields}
          onRemove={() => remove(index)}
        />
      ))}
      <Popover opened={adding} onChange={setAdding} trapFocus position="bottom-start" shadow="md" width={280}>
        <Popover.Target>
          <Button
            variant="default"
            h={30}
            px={10}
            leftSection={<IconFilterPlus size={15} stroke={1.7} />}
            onClick={() => setAdding((it) => !it)}
          >
            Filter
          </Button>
        </Popover.Target>
        <Popover.Dropdown aria-label="Add a filter">
          <FilterForm
            fields={fields}
            onAdd={(condition) => {
              onChange([...conditions, condition]);
              setAdding(false);
            }}
          />
        </Popover.Dropdown>
      </Popover>
    </>
  );
}

function Chip({
  condition,
  fields,
  onRemove,
}: {
  condition: Condition;
  fields: readonly FilterField[];
  onRemove: () => void;
}) {
  const field = fields.find((it) => it.field === condition.field);
  if (!field) return null;
  const value = field.choices?.find((it) => it.value === condition.value)?.label ?? condition.value;
  const words = `${field.label} ${wordOf(condition.operator, field.kind)} ${value}`;
  return (
    <span className={classes.chip}>
      <span className={classes.words} title={words}>
        {field.label} <span className={classes.operator}>{wordOf(condition.operator, field.kind)}</span>{' '}
        <b>{value}</b>
      </span>
      <CloseButton size="xs" aria-label={`Remove the filter ${words}`} onClick={onRemove} />
    </span>
  );
}
