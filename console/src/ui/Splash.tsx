/** While it is being found out whether somebody is signed in: the mark, and nothing that jumps away. */
import { Mark } from '@/theme/Logo';
import classes from './Splash.module.css';

export function Splash() {
  return (
    <div className={classes.splash} role="status" aria-label="Loading">
      <Mark size={34} />
    </div>
  );
}
