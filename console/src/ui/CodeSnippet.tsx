/** Commands and code to copy. Several of them share one frame, with a tab for each. */
import { useState } from 'react';
import { CopyButton } from '@/ui/CopyButton';
import classes from './CodeSnippet.module.css';

export interface Snippet {
  /** Such as "curl" or "Python". */
  label: string;
  code: string;
}

export function CodeSnippet({ snippets }: { snippets: readonly Snippet[] }) {
  const [chosen, setChosen] = useState(0);
  const shown = snippets[chosen] ?? snippets[0];
  if (!shown) return null;
  return (
    <figure className={classes.frame}>
      <figcaption className={classes.head}>
        {snippets.map(({ label }, index) =>
          snippets.length === 1 ? (
            <span key={label} className={classes.label}>
              {label}
            </span>
          ) : (
            <button
              key={label}
              type="button"
              className={classes.tab}
              aria-pressed={label === shown.label}
              onClick={() => setChosen(index)}
            >
              {label}
            </button>
          ),
        )}
        <span className={classes.copy}>
          <CopyButton text={shown.code} what={shown.label} />
        </span>
      </figcaption>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- long lines scroll, with the keyboard too */}
      <pre className={classes.code} tabIndex={0} aria-label={shown.label}>
        {shown.code}
      </pre>
    </figure>
  );
}
