import { Button, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import {
  operatorsOf,
  problemOf,
  wordOf,
  type Condition,
  type FilterField,
  type Operator,
} from '@/table/filters';

interface Props {
  fields: readonly FilterField[];
  onAdd: (condition: Condition) => void;
}

/** One condition: a field, an operator, a value of the field's kind. */
export function FilterForm({ fields, onAdd }: Props) {
  const [name, setName] = useState(fields[0]?.field ?? '');
  const [operator, setOperator] = useState<Operator>();
  const [value, setValue] = useState('');
  const [problem, setProblem] = useState<string>();
  const field = fields.find((it) => it.field === name) ?? fields[0];
  if (!field) return null;
  const operators = operatorsOf(field);
  const chosen = operator !== undefined && operators.includes(operator) ? operator : (operators[0] ?? '==');
  const choices = field.kind === 'boolean' ? BOOLEAN : field.choices;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!field) return;
    const given = choices && value === '' ? (choices[0]?.value ?? '') : value.trim();
    const condition = { field: field.field, operator: chosen, value: given };
    const wrong = problemOf(condition, field, fields);
    if (wrong) return setProblem(wrong);
    // The server compares instants; a bare date would be midnight somewhere else.
    onAdd(field.kind === 'time' ? { ...condition, value: new Date(given).toISOString() } : condition);
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="xs">
        <NativeSelect
          size="xs"
          label="Column"
          value={field.field}
          data={fields.map((it) => ({ value: it.field, label: it.label }))}
          onChange={(event) => {
            setName(event.currentTarget.value);
            setValue('');
            setProblem(undefined);
          }}
        />
        <NativeSelect
          size="xs"
          label="Condition"
          value={chosen}
          data={operators.map((it) => ({ value: it, label: wordOf(it, field.kind) }))}
          onChange={(event) => setOperator(event.currentTarget.value as Operator)}
        />
        {choices ? (
          <NativeSelect
            size="xs"
            label="Value"
            value={value}
            data={[...choices]}
            error={problem}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
        ) : (
          <TextInput
            size="xs"
            label="Value"
            type={field.kind === 'time' ? 'datetime-local' : 'text'}
            inputMode={field.kind === 'integer' || field.kind === 'number' ? 'decimal' : 'text'}
            value={value}
            error={problem}
            data-autofocus
            onChange={(event) => setValue(event.currentTarget.value)}
          />
        )}
        <Button type="submit">Add filter</Button>
      </Stack>
    </form>
  );
}

const BOOLEAN = [
  { value: 'true', label: 'Yes' },
  { value: 'false', label: 'No' },
];
