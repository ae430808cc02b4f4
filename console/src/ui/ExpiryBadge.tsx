/** When a credential ends, called out before it bites. */
import { Text } from '@mantine/core';
import { StatusBadge } from '@/ui/StatusBadge';
import { dayOf, expiryOf, fullTime, relativeTime } from '@/ui/time';
import { useNow } from '@/ui/useNow';
import classes from './TimeAgo.module.css';

interface Props {
  at: string | null | undefined;
  /** Says "Expires in 3 days" where no heading says what the instant is. */
  verbose?: boolean;
}

export function ExpiryBadge({ at, verbose }: Props) {
  const now = useNow();
  const expiry = expiryOf(at, now);
  if (expiry.state === 'never') {
    return (
      <Text span inherit c="dimmed">
        Never
      </Text>
    );
  }
  if (expiry.state === 'later') {
    return (
      <time className={classes.time} dateTime={expiry.at} title={fullTime(expiry.at)}>
        {dayOf(expiry.at)}
      </time>
    );
  }
  const words = relativeTime(expiry.at, now);
  const past = expiry.state === 'past';
  return (
    <StatusBadge tone={past ? 'bad' : 'warn'} hint={fullTime(expiry.at)}>
      {past ? `Expired ${words}` : verbose ? `Expires ${words}` : words}
    </StatusBadge>
  );
}
