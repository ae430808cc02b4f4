/** A part of a drawer or a dialog, with a heading and at most one tool. */
import { Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Section.module.css';

interface Props {
  title: string;
  tool?: ReactNode;
  children: ReactNode;
}

export function Section({ title, tool, children }: Props) {
  return (
    <section className={classes.section}>
      <div className={classes.head}>
        <Title order={3}>{title}</Title>
        {tool}
      </div>
      {children}
    </section>
  );
}
