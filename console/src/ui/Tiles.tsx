/** A row of numbers to see first. A number that nobody reported is said to be so, never shown as a zero. */
import { Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Tiles.module.css';

export interface Tile {
  label: string;
  /** Null: nobody reported one. Undefined: on its way. */
  value: ReactNode | null | undefined;
  /** A second line, such as "of 40". */
  hint?: string | undefined;
}

export function Tiles({ label, tiles }: { label: string; tiles: readonly Tile[] }) {
  return (
    <dl className={classes.tiles} aria-label={label}>
      {tiles.map((it) => (
        <div key={it.label} className={classes.tile}>
          <dt>{it.label}</dt>
          <dd>
            {it.value === undefined ? (
              <Skeleton height={22} width={56} />
            ) : it.value === null ? (
              <span className={classes.none}>Not reported</span>
            ) : (
              <span className={classes.value}>{it.value}</span>
            )}
            {it.hint && <span className={classes.hint}>{it.hint}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
