/** A state in one word. The dot repeats what the word says, so that nothing depends on seeing colours. */
import { Tooltip } from '@mantine/core';
import classes from './StatusBadge.module.css';

export type Tone = 'good' | 'warn' | 'bad' | 'calm' | 'accent';

interface Props {
  tone: Tone;
  children: string;
  /** What the word means, or why. */
  hint?: string | undefined;
}

export function StatusBadge({ tone, children, hint }: Props) {
  const badge = (
    <span className={classes.badge} data-tone={tone}>
      <span className={classes.dot} />
      {children}
    </span>
  );
  return hint ? <Tooltip label={hint}>{badge}</Tooltip> : badge;
}
