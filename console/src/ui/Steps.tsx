/** Numbered parts that belong together and are done in order, all of them in sight. */
import { Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Steps.module.css';

export function Steps({ steps }: { steps: readonly { title: string; children: ReactNode }[] }) {
  return (
    <ol className={classes.steps}>
      {steps.map(({ title, children }) => (
        <li key={title} className={classes.step}>
          <Title order={3} className={classes.title}>
            {title}
          </Title>
          <div className={classes.body}>{children}</div>
        </li>
      ))}
    </ol>
  );
}
