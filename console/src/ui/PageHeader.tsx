/** Title of a page, a line about what it is for, and its main action. Names the browser tab too. */
import { Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useDocumentTitle } from '@/ui/useDocumentTitle';
import classes from './PageHeader.module.css';

interface Props {
  title: string;
  text?: ReactNode;
  actions?: ReactNode;
}

export function PageHeader({ title, text, actions }: Props) {
  useDocumentTitle(title);
  return (
    <div className={classes.header}>
      <div className={classes.words}>
        <Title order={1}>{title}</Title>
        {text && (
          <Text size="sm" c="dimmed" maw={720}>
            {text}
          </Text>
        )}
      </div>
      {actions && <div className={classes.actions}>{actions}</div>}
    </div>
  );
}
