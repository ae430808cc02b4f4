/**
 * A page that broke, or whose file is gone because the server was upgraded while the console was open.
 *
 * `inside` is for an error below the frame: the navigation stays, so that one can go elsewhere.
 */
import { Button, Group, Text, Title } from '@mantine/core';
import { useRef, useEffect } from 'react';
import { isRouteErrorResponse, useRouteError } from 'react-router';
import { CodeSnippet } from '@/ui/CodeSnippet';
import { useDocumentTitle } from '@/ui/useDocumentTitle';
import classes from './RouteError.module.css';

export function RouteError({ inside }: { inside?: boolean }) {
  const error = useRouteError();
  const { title, text, report } = wordsOf(error);
  const heading = useRef<HTMLHeadingElement>(null);
  useDocumentTitle(title);
  useEffect(() => heading.current?.focus(), []);
  const Frame = inside ? 'div' : 'main';
  return (
    <Frame className={classes.error}>
      <div role="alert">
        <Title order={1} ref={heading} tabIndex={-1}>
          {title}
        </Title>
        <Text c="dimmed">{text}</Text>
      </div>
      <Group gap="xs" mt="md">
        <Button onClick={() => window.location.reload()}>Load again</Button>
        {/* A document's load and no navigation: whatever broke is thrown away with it. */}
        <Button component="a" href="/" variant="default">
          Go to the start
        </Button>
      </Group>
      {report && (
        <details className={classes.report}>
          <summary>What to report</summary>
          <CodeSnippet snippets={[{ label: 'Error', code: report }]} />
        </details>
      )}
    </Frame>
  );
}

/** What happened, for the person and for who is asked for help. */
function wordsOf(error: unknown): { title: string; text: string; report?: string } {
  if (isRouteErrorResponse(error) && error.status === 404)
    return { title: 'There is no such page', text: 'The address may be mistyped, or the page was moved.' };
  // What browsers say of a script that is not there any more.
  if (
    error instanceof TypeError &&
    /dynamically imported|importing a module|module script/i.test(error.message)
  )
    return { title: 'The console was updated', text: 'Load the page again to get the new version.' };
  return {
    title: 'This page broke',
    text: 'Loading it again may help. Nothing that was saved is lost.',
    report: `${window.location.pathname}\n${error instanceof Error ? (error.stack ?? String(error)) : String(error)}`,
  };
}
