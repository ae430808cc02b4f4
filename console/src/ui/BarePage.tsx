/** A page without the shell: one card in the middle, for people who may not be signed in. */
import { Anchor, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, type ReactNode } from 'react';
import { optionsQuery } from '@/session/options';
import { Wordmark } from '@/theme/Logo';
import classes from './BarePage.module.css';
import { LogoImage } from './LogoImage';
import { useDocumentTitle } from './useDocumentTitle';

interface Props {
  title: string;
  /** Of the tab, where it is another. */
  tab?: string;
  children: ReactNode;
}

export function BarePage({ title, tab = title, children }: Props) {
  useDocumentTitle(tab);
  const { data: told } = useQuery(optionsQuery);
  const card = useRef<HTMLElement>(null);
  // The first thing to fill in of each step; never taken from a person who is at another field already.
  useEffect(() => {
    if (document.activeElement && document.activeElement !== document.body) return;
    card.current?.querySelector<HTMLElement>('[data-autofocus]')?.focus();
  }, [title]);
  return (
    <div className={classes.page}>
      <header className={classes.top}>
        <Wordmark size={24} />
      </header>
      <main className={classes.card} ref={card}>
        <div className={classes.heading}>
          {told && <LogoImage logo={told.logo} name={told.tenant} size={28} />}
          <Title order={1} fz="xl">
            {title}
          </Title>
        </div>
        {children}
      </main>
      <footer className={classes.foot}>
        <Text size="xs" c="dimmed" className="unkerned">
          {told ? `${told.product} ${told.version}` : ' '}
        </Text>
        <Anchor href="/api/docs" size="xs">
          API documentation
        </Anchor>
      </footer>
    </div>
  );
}
