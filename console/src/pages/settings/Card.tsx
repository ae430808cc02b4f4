/** A group of settings with a heading. */
import { Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './settings.module.css';

interface Props {
  title: string;
  text: string;
  children: ReactNode;
  /** The rows bring their own space. */
  rows?: boolean;
}

export function Card({ title, text, children, rows }: Props) {
  return (
    <section className={classes.card} aria-label={title}>
      <header className={classes.head}>
        <Title order={2} fz="md">
          {title}
        </Title>
        <p className={classes.text}>{text}</p>
      </header>
      <div className={rows ? classes.rows : classes.body}>{children}</div>
    </section>
  );
}
