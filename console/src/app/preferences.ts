/**
 * What this browser remembers between visits: looks only (columns, page size, folded groups).
 *
 * Nothing that opens anything is ever kept here; tokens live in memory (ADR 24).
 */
import { useCallback, useState } from 'react';

const PREFIX = 'runplane.';

/** The remembered value of `name`, or `otherwise` where there is none or it does not pass `accept`. */
export function recall<T>(name: string, otherwise: T, accept: (value: unknown) => value is T): T {
  try {
    // eslint-disable-next-line no-restricted-properties -- the one place
    const text = window.localStorage.getItem(PREFIX + name);
    const value: unknown = text === null ? undefined : JSON.parse(text);
    return accept(value) ? value : otherwise;
  } catch {
    return otherwise;
  }
}

/** Remembers `value`; a browser that keeps nothing is no error. */
export function remember(name: string, value: unknown): void {
  try {
    // eslint-disable-next-line no-restricted-properties -- the one place
    window.localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows refuse; the choice then lasts as long as the page.
  }
}

/** State that survives a visit. `accept` guards against what an older release has left behind. */
export function usePreference<T>(name: string, otherwise: T, accept: (value: unknown) => value is T) {
  const [value, setValue] = useState(() => recall(name, otherwise, accept));
  const change = useCallback(
    (next: T) => {
      setValue(next);
      remember(name, next);
    },
    [name],
  );
  return [value, change] as const;
}

export function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((it) => typeof it === 'string');
}
