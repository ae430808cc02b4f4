/**
 * The quotas of a unit as a table to fill in, one row for each node pool.
 *
 * "Unlimited" is a word in the field: an empty field could mean nothing as well. CPU and memory are folded away
 * because most organizations divide GPUs only; they unfold by themselves where something is said about them.
 * On a phone rows are drawn as blocks, which makes browsers forget that this is a table: hence the roles.
 */
/* eslint-disable jsx-a11y/no-interactive-element-to-noninteractive-role, jsx-a11y/no-redundant-roles -- see above */
import { ActionIcon, NativeSelect, Switch, TextInput, Tooltip } from '@mantine/core';
import { IconInfinity } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState, type FocusEvent, type ReactNode } from 'react';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { tidied, UNITS, UNLIMITED_WORD, type QuotaDraft, type QuotaField } from '@/pages/org-units/quotas';
import classes from './QuotaFields.module.css';

interface Props {
  drafts: readonly QuotaDraft[];
  onChange: (index: number, change: Partial<QuotaDraft>) => void;
  /** By `quotas.<index>.<field>`, as forms name them. */
  errors: Readonly<Record<string, ReactNode>>;
  /** A line below the name of a pool, such as what its department has left. */
  hint?: (draft: QuotaDraft) => ReactNode;
}

interface Head {
  field: QuotaField;
  title: string;
  spoken: string;
}

const GPU: readonly Head[] = [
  { field: 'gpu', title: 'GPU quota', spoken: 'GPU quota' },
  { field: 'gpuLimit', title: 'GPU limit', spoken: 'GPU limit' },
];
const REST: readonly Head[] = [
  { field: 'cpu', title: 'CPU quota', spoken: 'CPU quota in cores' },
  { field: 'cpuLimit', title: 'CPU limit', spoken: 'CPU limit in cores' },
  { field: 'memory', title: 'Memory quota', spoken: 'memory quota' },
  { field: 'memoryLimit', title: 'Memory limit', spoken: 'memory limit' },
];

function saysMore(drafts: readonly QuotaDraft[]): boolean {
  return drafts.some((draft) => REST.some(({ field }) => tidied(draft[field]) !== UNLIMITED_WORD));
}

export function QuotaFields({ drafts, onChange, errors, hint }: Props) {
  const [all, setAll] = useState(() => saysMore(drafts));
  const names = usePriorities();
  const rest = all ? REST : [];
  return (
    <div className={classes.box}>
      <div className={classes.scroll}>
        <table className={classes.table} role="table" aria-label="Quotas by node pool">
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader">Node pool</th>
              {GPU.map(({ field, title }) => (
                <th key={field} role="columnheader">
                  {title}
                </th>
              ))}
              <th role="columnheader">Over-quota weight</th>
              <th role="columnheader">Priority</th>
              {rest.map(({ field, title }) => (
                <th key={field} role="columnheader">
                  {title}
                  {field.startsWith('cpu') && <small> cores</small>}
                </th>
              ))}
              {all && <th role="columnheader">Unit</th>}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {drafts.map((draft, index) => {
              const error = (field: QuotaField) => errors[`quotas.${index}.${field}`];
              const change = (part: Partial<QuotaDraft>) => onChange(index, part);
              const cell = ({ field, title, spoken }: Head) => (
                <td key={field} role="cell" data-label={title}>
                  <Amount
                    path={`quotas.${index}.${field}`}
                    label={`${spoken} in ${draft.pool.name}`}
                    value={draft[field]}
                    error={error(field)}
                    onChange={(written) => change({ [field]: written })}
                  />
                </td>
              );
              return (
                <tr key={draft.pool.id} role="row">
                  <th role="rowheader" scope="row" className={classes.pool}>
                    {draft.pool.name}
                    {hint && <div className={classes.hint}>{hint(draft)}</div>}
                  </th>
                  {GPU.map(cell)}
                  <td role="cell" data-label="Over-quota weight">
                    <TextInput
                      size="xs"
                      data-path={`quotas.${index}.gpuWeight`}
                      aria-label={`Over-quota weight in ${draft.pool.name}`}
                      placeholder="Default"
                      inputMode="decimal"
                      value={draft.gpuWeight}
                      error={error('gpuWeight')}
                      onChange={(event) => change({ gpuWeight: event.currentTarget.value })}
                    />
                  </td>
                  <td role="cell" data-label="Priority">
                    <NativeSelect
                      size="xs"
                      aria-label={`Priority in ${draft.pool.name}`}
                      className={classes.priority}
                      value={draft.priority}
                      data={withChosen(names, draft.priority)}
                      onChange={(event) => change({ priority: event.currentTarget.value })}
                    />
                  </td>
                  {rest.map(cell)}
                  {all && (
                    <td role="cell" data-label="Unit of memory">
                      <NativeSelect
                        size="xs"
                        aria-label={`Unit of memory in ${draft.pool.name}`}
                        className={classes.units}
                        value={draft.units}
                        data={UNITS.map((it) => ({ value: it, label: it === 'Mib' ? 'MiB' : it }))}
                        onChange={(event) =>
                          change({ units: event.currentTarget.value as QuotaDraft['units'] })
                        }
                      />
                    </td>
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <div className={classes.foot}>
        <Switch
          size="xs"
          label="CPU and memory"
          checked={all}
          onChange={(event) => setAll(event.currentTarget.checked)}
        />
        <span>The quota is guaranteed; the limit caps what can be used beyond it.</span>
      </div>
    </div>
  );
}

function Amount({
  path,
  label,
  value,
  error,
  onChange,
}: {
  /** As the form calls it, which moves the focus to what is wrong. */
  path: string;
  label: string;
  value: string;
  error: ReactNode;
  onChange: (written: string) => void;
}) {
  return (
    <TextInput
      size="xs"
      className={classes.amount}
      data-path={path}
      aria-label={label}
      value={value}
      error={error}
      autoComplete="off"
      spellCheck={false}
      // Typing replaces what stands there, as in a spreadsheet.
      onFocus={(event: FocusEvent<HTMLInputElement>) => event.currentTarget.select()}
      onChange={(event) => onChange(event.currentTarget.value)}
      onBlur={() => onChange(tidied(value))}
      rightSection={
        value !== UNLIMITED_WORD && (
          <Tooltip label="Unlimited: or type u">
            <ActionIcon
              size="xs"
              // Not a stop for Tab: the word can be typed.
              tabIndex={-1}
              aria-label={`Make ${label} unlimited`}
              onClick={() => onChange(UNLIMITED_WORD)}
            >
              <IconInfinity size={13} />
            </ActionIcon>
          </Tooltip>
        )
      }
    />
  );
}

interface Choice {
  value: string;
  label: string;
}

function usePriorities(): Choice[] {
  const { data } = useQuery({
    ...queryOf(request('get', '/api/v1/org-unit/priorities')),
    staleTime: Infinity,
  });
  const known = data?.priorities ?? [];
  const usual = known.find((it) => it.isDefault)?.name;
  return [
    { value: '', label: usual ? `${spaced(usual)} (default)` : 'Default' },
    ...known.map(({ name }) => ({ value: name, label: spaced(name) })),
  ];
}

function withChosen(choices: Choice[], chosen: string): Choice[] {
  return choices.some((it) => it.value === chosen)
    ? choices
    : [...choices, { value: chosen, label: spaced(chosen) }];
}

/** `VeryHigh` as "Very high". */
function spaced(name: string): string {
  const words = name.replace(/(?<=[a-z])([A-Z])/g, (it) => ` ${it.toLowerCase()}`);
  return words;
}
