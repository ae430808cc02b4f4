/** Shows the code that a sign-in ended with, for terminals on another machine than this browser. */
import { Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { BarePage } from '@/ui/BarePage';
import { CopyButton } from '@/ui/CopyButton';
import classes from './page.module.css';

export function Component() {
  // Read once: the address is cleaned, so that neither the history nor a picture of the window keeps the code.
  const [answer] = useState(() => new URLSearchParams(window.location.search));
  useEffect(() => window.history.replaceState(window.history.state, '', window.location.pathname), []);
  const code = answer.get('code');
  if (!code) {
    return (
      <BarePage title={answer.has('error') ? 'You were not signed in' : 'No code here'} tab="Code">
        <Text size="sm">
          {answer.get('error') === 'access_denied'
            ? 'You refused. The program gets nothing.'
            : 'Go back to your terminal and start again.'}
        </Text>
      </BarePage>
    );
  }
  return (
    <BarePage title="Copy this code" tab="Code">
      <Text size="sm">Paste it into the terminal that asked you to open this page.</Text>
      <div className={classes.box}>
        <code data-testid="code">{code}</code>
        <CopyButton text={code} what="the code" />
      </div>
      <Text size="xs" c="dimmed">
        It works once and for one minute. Give it to nobody.
      </Text>
    </BarePage>
  );
}
