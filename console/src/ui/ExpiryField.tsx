/** When a credential ends: one of the usual spans, a date, or never. The value is an instant or null. */
import { Group, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';

interface Props {
  value: string | null;
  onChange: (at: string | null) => void;
  error?: string | undefined;
  label?: string;
}

const DAY = 86_400_000;
const SPANS = [
  { value: 'never', label: 'Never' },
  { value: '7', label: 'In 7 days' },
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
  { value: 'date', label: 'At a date…' },
];

export function ExpiryField({ value, onChange, error, label = 'Expires' }: Props) {
  const [span, setSpan] = useState(value === null ? 'never' : 'date');
  function choose(next: string) {
    setSpan(next);
    if (next === 'never') onChange(null);
    else onChange(new Date(Date.now() + (next === 'date' ? 30 : Number(next)) * DAY).toISOString());
  }
  return (
    <Group align="flex-end" gap="xs" grow>
      <NativeSelect
        label={label}
        size="sm"
        data={SPANS}
        value={span}
        error={span === 'date' ? undefined : error}
        onChange={(event) => choose(event.currentTarget.value)}
      />
      {span === 'date' && value !== null && (
        <TextInput
          type="datetime-local"
          aria-label={`${label} at`}
          value={localInput(value)}
          error={error}
          onChange={({ currentTarget }) => {
            const at = new Date(currentTarget.value);
            if (!Number.isNaN(at.getTime())) onChange(at.toISOString());
          }}
        />
      )}
    </Group>
  );
}

/** An instant as the input for date and time wants it: local, without a zone, to the minute. */
export function localInput(at: string): string {
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
