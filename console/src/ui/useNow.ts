/** The time, for what is said relative to it. All who ask share one timer. */
import { useSyncExternalStore } from 'react';

const EVERY = 30_000;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const it of listeners) it();
  }, EVERY);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time in milliseconds, exact to half a minute. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => {
    // After a while without listeners the kept instant is old.
    if (timer === undefined || Date.now() - now > EVERY * 2) now = Date.now();
    return now;
  });
}
