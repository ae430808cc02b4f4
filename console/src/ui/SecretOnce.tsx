/** A secret at the only moment it can be read: says so, copies, and saves it as a file of variables. */
import { Button } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { saveFile } from '@/table/csv';
import { CopyButton } from '@/ui/CopyButton';
import { Note } from '@/ui/Note';
import { envFile, type EnvValue } from '@/ui/env';
import classes from './SecretOnce.module.css';

export interface SecretItem {
  label: string;
  value: string;
  /** Its name in the .env file. */
  variable: string;
}

interface Props {
  items: readonly SecretItem[];
  /** What is secret, as the warning calls it. */
  what?: string;
  /** Of the file, without the ending; no file for what a person types, such as a password. */
  fileName?: string;
  /** More lines of the file, such as the server's address. */
  also?: readonly EnvValue[];
}

export function SecretOnce({ items, what = 'secret', fileName, also = [] }: Props) {
  const text = envFile([...also, ...items.map((it) => [it.variable, it.value] as const)]);
  return (
    <div className={classes.box}>
      <Note tone="secret">The {what} is shown this once and cannot be read again. Keep it now.</Note>
      <dl className={classes.list}>
        {items.map(({ label, value }) => (
          <div key={label} className={classes.item}>
            <dt>{label}</dt>
            <dd>
              <code data-testid={label}>{value}</code>
              <CopyButton text={value} what={label.toLowerCase()} />
            </dd>
          </div>
        ))}
      </dl>
      {fileName !== undefined && (
        <Button
          variant="default"
          leftSection={<IconDownload size={15} />}
          onClick={() => saveFile(`${fileName}.env`, text, 'text/plain')}
        >
          Download as .env
        </Button>
      )}
    </div>
  );
}
