/** Where there is nothing: says what would be here and how it comes to be. */
import { Text, Title } from '@mantine/core';
import type { ComponentType, ReactNode } from 'react';
import classes from './EmptyState.module.css';

interface Props {
  icon: ComponentType<{ size?: number | string; stroke?: number | string }>;
  title: string;
  text?: ReactNode;
  action?: ReactNode;
  /** Inside a card or a drawer: less air. */
  compact?: boolean;
}

export function EmptyState({ icon: Icon, title, text, action, compact }: Props) {
  return (
    <div className={classes.empty} data-compact={compact ?? undefined}>
      <span className={classes.icon}>
        <Icon size={22} stroke={1.5} />
      </span>
      <Title order={2} fz="md">
        {title}
      </Title>
      {text && (
        <Text size="sm" c="dimmed" maw={420}>
          {text}
        </Text>
      )}
      {action && <div className={classes.action}>{action}</div>}
    </div>
  );
}
