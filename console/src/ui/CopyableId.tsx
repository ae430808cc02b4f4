/** An identifier: in fixed width, shortened where there is no room, whole on the clipboard. */
import { CopyButton } from '@/ui/CopyButton';
import classes from './CopyableId.module.css';

interface Props {
  id: string;
  /** What it is, for people who hear the button. */
  what: string;
  /** Shows all of it, in drawers and dialogs. */
  full?: boolean;
}

export function CopyableId({ id, what, full }: Props) {
  return (
    <span className={classes.id}>
      <code title={id}>{full || id.length <= 13 ? id : `${id.slice(0, 8)}…${id.slice(-4)}`}</code>
      <CopyButton text={id} what={what} />
    </span>
  );
}
