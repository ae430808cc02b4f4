/** One part of the overview: a heading that leads on, and its answer with its waiting and its failing. */
import { Anchor, Skeleton, Stack, Title } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { useId, type ReactNode } from 'react';
import { Link } from 'react-router';
import type { ApiError } from '@/api/errors';
import { ErrorState } from '@/ui/ErrorState';
import classes from './Panel.module.css';

interface Props<Data> {
  title: string;
  /** Where the whole of it is. */
  to: string;
  /** What is there, such as "All clusters". */
  more: string;
  query: UseQueryResult<Data, ApiError>;
  tools?: ReactNode;
  children: (data: Data) => ReactNode;
}

export function Panel<Data>({ title, to, more, query, tools, children }: Props<Data>) {
  const heading = useId();
  return (
    <section className={classes.panel} aria-labelledby={heading}>
      <header className={classes.head}>
        <Title order={2} id={heading} className={classes.title}>
          {title}
        </Title>
        {tools}
        <Anchor component={Link} to={to} size="sm" className={classes.more}>
          {more}
          <IconArrowRight size={14} aria-hidden="true" />
        </Anchor>
      </header>
      <div className={classes.body}>
        {query.isPending ? (
          <Stack gap={10} p={16} role="status" aria-label={`Loading: ${title}`}>
            <Skeleton height={14} width="70%" />
            <Skeleton height={14} width="85%" />
            <Skeleton height={14} width="55%" />
          </Stack>
        ) : query.error ? (
          <ErrorState error={query.error} onRetry={() => void query.refetch()} compact />
        ) : (
          children(query.data)
        )}
      </div>
    </section>
  );
}

/** What a panel says where it has nothing to list. */
export function Nothing({ children }: { children: ReactNode }) {
  return <p className={classes.nothing}>{children}</p>;
}

/** The lines of a panel. */
export function Lines({ children }: { children: ReactNode }) {
  return <ul className={classes.lines}>{children}</ul>;
}

interface LineProps {
  to: string;
  /** What the line is about. */
  name: ReactNode;
  /** A second line, smaller. */
  hint?: ReactNode;
  /** At the end: a state or a time. */
  end?: ReactNode;
}

/** One line; all of it leads on. */
export function Line({ to, name, hint, end }: LineProps) {
  return (
    <li>
      <Link to={to} className={classes.line}>
        <span className={classes.words}>
          <span className={classes.name}>{name}</span>
          {hint && <span className={classes.hint}>{hint}</span>}
        </span>
        {end && <span className={classes.end}>{end}</span>}
      </Link>
    </li>
  );
}
