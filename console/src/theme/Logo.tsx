/**
 * The mark and the wordmark of runplane: two planes in flight, the lower one carrying the upper.
 *
 * Drawn here and not loaded, so that the sign-in page shows it with the first paint.
 */
import classes from './Logo.module.css';

export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" focusable="false">
      <path className={classes.upper} d="M7.4 4.5h14.1l-3.3 6.6H4.1z" />
      <path className={classes.lower} d="M5.8 12.9h8.6l-3.3 6.6H2.5z" />
    </svg>
  );
}

export function Wordmark({ size = 22 }: { size?: number }) {
  return (
    <span className={classes.wordmark} style={{ fontSize: size * 0.78 }}>
      <Mark size={size} />
      <span>
        run<b>plane</b>
      </span>
    </span>
  );
}
