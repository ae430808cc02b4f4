/** An instant as people say it; the exact one on hover. Follows the clock. */
import { fullTime, relativeTime } from '@/ui/time';
import { useNow } from '@/ui/useNow';
import classes from './TimeAgo.module.css';

interface Props {
  at: string | null | undefined;
  /** Words for no instant. */
  never?: string;
}

export function TimeAgo({ at, never = '–' }: Props) {
  const current = useNow();
  if (!at) return <span className={classes.never}>{never}</span>;
  return (
    <time dateTime={at} title={fullTime(at)} className={classes.time}>
      {relativeTime(at, current)}
    </time>
  );
}
