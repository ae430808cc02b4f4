/** Resources by actions: what is allowed, as marks that say the same in words. */
import { Switch, Text } from '@mantine/core';
import { IconCheck, IconMinus } from '@tabler/icons-react';
import { useState } from 'react';
import {
  ACTIONS,
  matrixOf,
  onlyGranted,
  type Held,
  type Mark,
  type MatrixAction,
  type MatrixGroup,
} from '@/ui/permissionTable';
import classes from './PermissionMatrix.module.css';

interface Props {
  /** What the table is, for people who hear it. */
  label: string;
  held: readonly Held[];
  /** All there is, for showing what is not granted too. */
  existing?: readonly Held[] | undefined;
  /** Keeps the headings in sight; for a drawer, which scrolls by itself. */
  sticky?: boolean | undefined;
  /** What to say where nothing is granted. */
  nothing?: string;
}

const TITLES: Readonly<Record<MatrixAction, string>> = {
  read: 'View',
  create: 'Create',
  update: 'Edit',
  delete: 'Delete',
};
const WORDS: Readonly<Record<Mark, string>> = {
  yes: 'Allowed',
  part: 'Allowed for some kinds',
  no: 'Not allowed',
  none: 'Does not exist',
};

export function PermissionMatrix({ label, held, existing, sticky, nothing = 'Nothing.' }: Props) {
  const [all, setAll] = useState(false);
  const groups = matrixOf(held, existing);
  const shown = all ? groups : onlyGranted(groups);
  return (
    <div>
      {existing && (
        <Switch
          size="xs"
          mb={6}
          label="Show what is not granted too"
          checked={all}
          onChange={(event) => setAll(event.currentTarget.checked)}
        />
      )}
      {shown.length === 0 ? (
        <Text size="sm" c="dimmed">
          {nothing}
        </Text>
      ) : (
        <Matrix label={label} groups={shown} sticky={sticky} />
      )}
    </div>
  );
}

function Matrix({
  label,
  groups,
  sticky,
}: Pick<Props, 'label' | 'sticky'> & { groups: readonly MatrixGroup[] }) {
  return (
    <table className={classes.table} aria-label={label} data-sticky={sticky ?? undefined}>
      <thead>
        <tr>
          <th scope="col">Resource</th>
          {ACTIONS.map((it) => (
            <th key={it} scope="col">
              {TITLES[it]}
            </th>
          ))}
        </tr>
      </thead>
      {groups.map((group) => (
        <tbody key={group.id}>
          <tr>
            <th scope="rowgroup" colSpan={ACTIONS.length + 1} className={classes.group}>
              {group.title}
            </th>
          </tr>
          {group.rows.map((row) => (
            <tr key={row.name} className={classes.row}>
              <th scope="row">{row.name}</th>
              {ACTIONS.map((it) => (
                <td key={it}>
                  <MarkCell mark={row.marks[it]} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      ))}
    </table>
  );
}

function MarkCell({ mark }: { mark: Mark }) {
  return (
    <span className={classes.mark} data-mark={mark} title={WORDS[mark]}>
      {mark === 'yes' && <IconCheck size={14} stroke={2.4} aria-hidden="true" />}
      {mark === 'part' && <IconMinus size={14} stroke={2.4} aria-hidden="true" />}
      {mark === 'no' && <span aria-hidden="true">–</span>}
      <span className={classes.hidden}>{WORDS[mark]}</span>
    </span>
  );
}
