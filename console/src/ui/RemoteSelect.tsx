/** A choice from a list on the server: what is typed is searched there, so that long lists stay usable. */
import { Select, type SelectProps } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { queryOf } from '@/api/query';
import type { ApiRequest } from '@/api/request';

export interface Option {
  value: string;
  label: string;
  /** A second line. */
  hint?: string;
}

/** What pickers built on this one pass on to the field. */
export type FieldProps = Omit<SelectProps, 'data' | 'value' | 'onChange' | 'renderOption' | 'filter'>;

interface Props<Reply> extends FieldProps {
  value: string | null;
  onChange: (value: string | null, option: Option | undefined) => void;
  /** The call that finds what was typed; the same call for every text where the list comes whole. */
  request: (search: string) => ApiRequest<Reply>;
  /** The choices in an answer; `search` is for lists that come whole. */
  options: (reply: Reply, search: string) => Option[];
  /** The label of a value that was chosen elsewhere and may not be on the list. */
  chosenLabel?: string | undefined;
  /** What to say where there is nothing to choose from, whatever is typed. */
  none?: string;
}

export function RemoteSelect<Reply>(props: Props<Reply>) {
  const { value, onChange, request, options, chosenLabel, none = 'Nothing found', ...others } = props;
  const [typed, setTyped] = useState('');
  const [chosen, setChosen] = useState<Option>();
  const current = chosen?.value === value ? chosen : undefined;
  // Choosing writes the label into the field; that is not a search.
  const [search] = useDebouncedValue(typed === current?.label ? '' : typed, 200);
  const found = useQuery({ ...queryOf(request(search.trim())), placeholderData: keepPreviousData });
  const listed = found.data === undefined ? [] : options(found.data, search.trim().toLowerCase());
  const known = current ?? (value !== null && chosenLabel ? { value, label: chosenLabel } : undefined);
  const data = known && !listed.some((it) => it.value === known.value) ? [known, ...listed] : listed;
  const hints = new Map<string, ReactNode>(data.map((it) => [it.value, it.hint]));
  return (
    <Select
      searchable
      nothingFoundMessage={
        found.error
          ? found.error.message
          : found.isFetching
            ? 'Searching…'
            : search.trim() === ''
              ? none
              : 'Nothing found'
      }
      {...others}
      data={data.map(({ value: it, label }) => ({ value: it, label }))}
      value={value}
      onSearchChange={setTyped}
      filter={({ options: all }) => all}
      onChange={(next) => {
        const option = data.find((it) => it.value === next);
        setChosen(option);
        onChange(next, option);
      }}
      renderOption={({ option }) => (
        <span>
          {option.label}
          {hints.get(option.value) && <Hint>{hints.get(option.value)}</Hint>}
        </span>
      )}
    />
  );
}

function Hint({ children }: { children: ReactNode }) {
  return <span style={{ display: 'block', color: 'var(--rp-dim)', fontSize: '0.75rem' }}>{children}</span>;
}
